"""Contents in columns (SPEC.md, section 8): bytes to groups and back. The encoder takes the plainest layouts."""

import cbor
import contents
from contents import BadGroup, Group, Undecodable, is_short
from merge import REGISTER, State
from messages import MAXIMUM_BATCH_GROUPS, MAXIMUM_CONTENTS_BYTES, ProtocolError

ZERO, CONSTANT, VARINTS, VARINTS_ABOVE, BITS, BITS_ABOVE, PLANES, PLACES = range(8)
DELTA = 8
INTEGER, TIME, DECIMAL, RECENT_TEXT, TEXT, RECENT_BYTES, BYTES, COPY, NEGATED = range(9)
PLAIN, NUMBER, SEPARATED = range(3)
RECORDS, EVICTIONS, FIRST_SHAPE = range(3)
SEPARATOR = b"\x1f"
RECORD_BYTES = 24
FIELD_BYTES = 8
MAXIMUM_TEXT_BYTES = 1_048_576
TIMED_BYTES, TIME_BYTES = 16, 6


def _need(condition, message):
    if not condition:
        raise ProtocolError(f"contents in columns: {message}")


def _signed(number):
    """The number of 64 bits with sign that has these lowest bits."""
    number &= 2**64 - 1
    return number - 2**64 if number >> 63 else number


# --- Reading ---


class _Reader:
    def __init__(self, data):
        self.data, self.offset = data, 0
        self.expanded = 0

    def count_size(self, more):
        self.expanded += more
        _need(self.expanded <= MAXIMUM_CONTENTS_BYTES, "found more than contents may hold")

    @property
    def remaining(self):
        return len(self.data) - self.offset

    def take(self, count):
        _need(count <= self.remaining, "found the end in the middle")
        self.offset += count
        return self.data[self.offset - count : self.offset]

    def byte(self):
        return self.take(1)[0]

    def varint(self, maximum=2**64 - 1):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            _need(value < 2**64, "found a number above 64 bits")
            if byte < 0x80:
                _need(byte or not shift, "found a number in a longer form")
                _need(value <= maximum, f"found {value}, expected at most {maximum}")
                return value
            shift += 7

    def signed(self):
        value = self.varint()
        return value >> 1 if value & 1 == 0 else -(value >> 1) - 1

    def head(self):
        byte = self.byte()
        kind, delta, layout = byte >> 4, bool(byte & DELTA), byte & 7
        _need(kind <= NEGATED and not (delta and layout == PLACES), "found an unknown kind of column")
        return kind, delta, layout

    def numbers(self, count):
        """A column of plain numbers."""
        kind, delta, layout = self.head()
        _need(kind == INTEGER and layout != PLACES, "found no column of numbers")
        return self.column(count, delta, layout)

    def column(self, count, delta, layout, places=()):
        if not delta:
            return self._plain(count, layout, places)
        _need(count > 1, "found differences of less than two numbers")
        values = [self.signed()]
        for difference in self._plain(count - 1, layout, ()):
            values.append(_signed(values[-1] + difference))
        return values

    def _plain(self, count, layout, places):
        base = self.signed() if layout in (CONSTANT, VARINTS_ABOVE, BITS_ABOVE, PLANES, PLACES) else 0
        if layout in (ZERO, CONSTANT):
            return [base] * count
        if layout == PLACES:
            return [_signed(base + place) for place in places]
        if layout in (VARINTS, VARINTS_ABOVE):
            return [_signed(base + self.varint()) for _ in range(count)]
        if layout == PLANES:
            planes = self.byte()
            _need(1 <= planes <= 8, "found no 1 to 8 planes")
            data = self.take(planes * count)
            return [_signed(base + int.from_bytes(data[row::count], "little")) for row in range(count)]
        return self._bits(count, base)

    def _bits(self, count, base):
        head = self.byte()
        wide = narrow = head & 0x7F
        if head & 0x80:
            narrow = self.byte()
        _need(1 <= wide <= 64 and (narrow < wide or not head & 0x80), "found widths other than 0 to 64 bits")
        widths = [wide] * count
        if head & 0x80:
            _need((count + 7) // 8 <= self.remaining, "found the end in the middle")
            flags = int.from_bytes(self.data[self.offset : self.offset + (count + 7) // 8], "little")
            widths = [wide if flags >> row & 1 else narrow for row in range(count)]
        position = count if head & 0x80 else 0
        stream = int.from_bytes(self.take((position + sum(widths) + 7) // 8), "little") >> position
        values = []
        for width in widths:
            values.append(_signed(base + (stream & ((1 << width) - 1))))
            stream >>= width
        _need(stream == 0, "found bits behind the last one")
        return values


class _Shape:
    def __init__(self, reader):
        self.entity = reader.varint(65_535)
        self.tags, self.parts, self.places, self.columns = [], [], [], []
        self.ids = None
        self.next = self.in_group = 0
        self.last_group = None
        following = 0
        for _ in range(reader.varint(contents.MAXIMUM_RECORD_FIELDS)):
            start = following + reader.varint(65_535)
            following = start + 1 + reader.varint(contents.MAXIMUM_RECORD_FIELDS - 1)
            _need(following <= 65_536, "found a tag above 16 bits")
            self.tags += range(start, following)
            _need(len(self.tags) <= contents.MAXIMUM_RECORD_FIELDS, "found too many fields")
        for _ in range(reader.varint(len(self.tags))):
            part = reader.varint()
            field, form = part >> 2, part & 3
            _need(field < len(self.tags) and form <= SEPARATED, "found no part of an id")
            self.parts.append((field, form))

    def add(self, count, group):
        if group != self.last_group:
            self.in_group, self.last_group = 0, group
        self.places += range(self.in_group, self.in_group + count)
        self.in_group += count

    def id(self, row):
        if self.ids is not None:
            value = self.ids[1][row]
            return value.encode() if isinstance(value, str) else value
        id = b""
        for field, form in self.parts:
            value = self.columns[field][1][row]
            if form == NUMBER:
                _need(type(value) is int and 0 <= value < 2**32, "found a part of an id that is no number of 32 bits")
                id += value.to_bytes(4, "big")
            else:
                _need(type(value) is not int, "found a part of an id that is a number")
                id += value.encode() if isinstance(value, str) else value
                id += SEPARATOR if form == SEPARATED else b""
        return id

    def record(self, stamp):
        row = self.next
        self.next += 1
        id = self.id(row)
        _need(1 <= len(id) <= contents.MAXIMUM_ID_BYTES, "found no id of 1 to 200 bytes")
        fields = {tag: (REGISTER, {stamp: values[row]}) for tag, (_, values) in zip(self.tags, self.columns)}
        return ((self.entity, id), State({stamp[1:]: stamp[0]}, fields, {}))


class _Columns:
    """Columns one after the other: strings come out of one table, and a column may be an earlier one."""

    def __init__(self, reader, strings, time):
        self.reader, self.strings, self.time = reader, strings, time
        self.done = []
        self.named = 0

    def read(self, places):
        """(text, bytes, integer or decimal; values)"""
        kind, delta, layout = self.reader.head()
        if kind in (COPY, NEGATED):
            _need(not delta and layout == ZERO, "found no copy of a column")
            index = self.reader.varint(len(self.done))
            _need(index < len(self.done) and len(self.done[index][1]) == len(places), "found no earlier column as long")
            column = self.done[index]
            if kind == NEGATED:
                _need(column[0] == INTEGER, "found no integers to take the other sign of")
                column = (INTEGER, [_signed(-value) for value in column[1]])
        else:
            column = self._values(kind, self.reader.column(len(places), delta, layout, places))
        self.done.append(column)
        return column

    def _values(self, kind, numbers):
        if kind in (INTEGER, TIME):
            return INTEGER, [_signed(number + (self.time if kind == TIME else 0)) for number in numbers]
        if kind == DECIMAL:
            return DECIMAL, [str(number) for number in numbers]
        values = []
        for number in numbers:
            place = self.named - number if kind in (RECENT_TEXT, RECENT_BYTES) else number
            _need(0 <= place <= self.named and place < len(self.strings), "found no place in the table of strings")
            self.named += place == self.named
            values.append(self.strings[place])
        if kind in (RECENT_BYTES, BYTES):
            return BYTES, values
        try:
            return TEXT, [value.decode() for value in values]
        except UnicodeDecodeError as error:
            raise ProtocolError("found a text that is not UTF-8") from error


def _strings(reader, time):
    count = reader.varint(MAXIMUM_CONTENTS_BYTES // FIELD_BYTES)
    if not count:
        return []
    lengths = reader.numbers(count)
    _need(all(0 <= length <= MAXIMUM_TEXT_BYTES + 1 for length in lengths), "found a length above 1 MiB")
    strings = [b""] * count
    timed = [place for place, length in enumerate(lengths) if length == 0]
    if timed:
        for place, difference in zip(timed, reader.numbers(len(timed))):
            milliseconds = _signed(time + difference)
            _need(0 <= milliseconds < 2**48, "found a time above 48 bits")
            strings[place] = milliseconds.to_bytes(TIME_BYTES, "big")
        for place in timed:
            strings[place] += reader.take(TIMED_BYTES - TIME_BYTES)
    for place, length in enumerate(lengths):
        if length > 1:
            strings[place] = reader.take(length - 1)
    return strings


def decode(data, expected_groups=None):
    """As `contents.decode` does it of rows."""
    _need(len(data) <= MAXIMUM_CONTENTS_BYTES, "found too many bytes")
    reader = _Reader(data)
    replicas = [(reader.varint(2**32 - 1), reader.varint(2**32 - 1))
                for _ in range(reader.varint(contents.MAXIMUM_REPLICAS))]
    _need(all(a < b for a, b in zip(replicas, replicas[1:])), "found replicas out of order or twice")
    count = reader.varint(MAXIMUM_BATCH_GROUPS)
    if expected_groups is not None:
        _need(count == expected_groups, f"found {count} groups, expected {expected_groups}")
    if not count:
        _need(not reader.remaining, "found bytes behind the end")
        return []
    stamps = _stamps(reader, count, replicas)
    shapes = []
    for _ in range(reader.varint(reader.remaining)):
        shapes.append(_Shape(reader))
        _need(sum(RECORD_BYTES + FIELD_BYTES * len(shape.tags) for shape in shapes) <= MAXIMUM_CONTENTS_BYTES,
              "found more than contents may hold")
    runs = _runs(reader, count, shapes)
    time = stamps[0][0] >> 16
    columns = _Columns(reader, _strings(reader, time), time)
    for shape in shapes:
        if not shape.parts:
            shape.ids = columns.read(shape.places)
            _need(shape.ids[0] in (DECIMAL, BYTES), "found ids that are no bytes")
        shape.columns = [columns.read(shape.places) for _ in shape.tags]
        for kind, values in shape.columns:
            if kind in (TEXT, BYTES):
                reader.count_size(sum(len(v.encode() if kind == TEXT else v) for v in values))
    _need(columns.named == len(columns.strings), "found strings that no column names")
    reader.count_size(reader.remaining)
    return _assemble(stamps, shapes, runs, _items(reader.take(reader.remaining)), contents._Reader(replicas))


def _stamps(reader, count, replicas):
    milliseconds, counters, places = (reader.numbers(count) for _ in range(3))
    stamps = []
    for time, counter, place in zip(milliseconds, counters, places):
        _need(0 <= time < 2**48 and 0 <= counter < 2**16 and time | counter, "found no time above zero")
        _need(0 <= place < len(replicas), "found no place in the table of replicas")
        stamps.append((time << 16 | counter, *replicas[place]))
    return stamps


def _runs(reader, count, shapes):
    """For each group, what comes how often, in order."""
    signatures = [[reader.varint(FIRST_SHAPE + len(shapes) - 1) for _ in range(reader.varint(reader.remaining))]
                  for _ in range(reader.varint(count))]
    which = reader.numbers(count) if len(signatures) > 1 else [0] * count
    if not signatures:
        _need(shapes, "found no shape")
        signatures = [[FIRST_SHAPE]]
    _need(all(EVICTIONS not in signature[:-1] for signature in signatures), "found evictions before the end")
    _need(all(0 <= place < len(signatures) for place in which), "found no such kind of group")
    total = 0
    for place in which:
        total += len(signatures[place])
        _need(total * RECORD_BYTES <= MAXIMUM_CONTENTS_BYTES, "found more than contents may hold")
    counts = iter(reader.numbers(total) if total else [])
    runs = []
    for group, place in enumerate(which):
        run = [(mark, next(counts)) for mark in signatures[place]]
        _need(all(1 <= times <= contents.MAXIMUM_GROUP_RECORDS for _, times in run), "found no 1 to 10,000 records")
        _need(sum(times for mark, times in run if mark != EVICTIONS) <= contents.MAXIMUM_GROUP_RECORDS,
              "found more than 10,000 records in a group")
        for mark, times in run:
            if mark >= FIRST_SHAPE:
                shape = shapes[mark - FIRST_SHAPE]
                reader.count_size(times * (RECORD_BYTES + FIELD_BYTES * len(shape.tags)))
                shape.add(times, group)
        runs.append(run)
    _need(all(shape.places for shape in shapes), "found a shape without records")
    return runs


def _items(data):
    try:
        yield from cbor.sequence(data)
    except cbor.CBORError as error:
        raise ProtocolError(str(error)) from error


def _assemble(stamps, shapes, runs, items, rows):
    groups = []
    for stamp, run in zip(stamps, runs):
        group, problem = Group(stamp), None
        for mark, times in run:
            for _ in range(times):
                if mark >= FIRST_SHAPE:
                    group.records.append(shapes[mark - FIRST_SHAPE].record(stamp))
                    continue
                item = next(items, None)
                _need(item is not None, "found the end before the last record")
                try:
                    if mark == RECORDS:
                        group.records.append(rows.record(item, stamp))
                    else:
                        group.evictions.append(rows.eviction(item))
                except Undecodable as error:
                    problem = problem or str(error)
        groups.append(BadGroup(problem) if problem else group)
    _need(next(items, None) is None, "found more records than there are")
    return groups


# --- Writing ---


def _varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def _zigzag(value):
    return _varint(value << 1 if value >= 0 else (-value << 1) - 1)


def _column(values, kind=INTEGER):
    if not any(values):
        return bytes([kind << 4 | ZERO])
    base = min(values)
    if base == max(values):
        return bytes([kind << 4 | CONSTANT]) + _zigzag(base)
    return bytes([kind << 4 | VARINTS_ABOVE]) + _zigzag(base) + b"".join(_varint(value - base) for value in values)


def encode(groups):
    """Facts of one entity with the same fields in columns; the rest as CBOR."""
    replicas = sorted({replica for group in groups for replica in contents._replicas_of(group)})
    writer = contents._Writer({replica: place for place, replica in enumerate(replicas)})
    out = _varint(len(replicas)) + b"".join(_varint(part) for replica in replicas for part in replica)
    out += _varint(len(groups))
    if not groups:
        return out
    out += _column([group.stamp[0] >> 16 for group in groups]) + _column([group.stamp[0] & 65_535 for group in groups])
    out += _column([writer.places[group.stamp[1:]] for group in groups])
    shapes, runs, rest = {}, [], b""
    for group in groups:
        run = []
        for key, state in group.records:
            mark = RECORDS
            if is_short(state, group.stamp):
                values = [(tag, content[group.stamp]) for tag, (_, content) in sorted(state.fields.items())]
                shape = (key[0], *((tag, type(value)) for tag, value in values))
                rows = shapes.setdefault(shape, [])
                rows.append((key[1], *(value for _, value in values)))
                mark = FIRST_SHAPE + list(shapes).index(shape)
            else:
                rest += cbor.encode(writer.record(key, state, group.stamp))
            if run and run[-1][0] == mark:
                run[-1][1] += 1
            else:
                run.append([mark, 1])
        if group.evictions:
            run.append([EVICTIONS, len(group.evictions)])
            rest += b"".join(cbor.encode([*key, writer.vector(vector)]) for key, vector in group.evictions)
        runs.append(run)
    out += _varint(len(shapes))
    for entity, *fields in shapes:
        out += _varint(entity) + _varint(len(fields))
        following = 0
        for tag, _ in fields:
            out += _varint(tag - following) + _varint(0)
            following = tag + 1
        out += _varint(0)
    signatures = sorted({tuple(mark for mark, _ in run) for run in runs})
    out += _varint(len(signatures))
    out += b"".join(_varint(len(signature)) + b"".join(map(_varint, signature)) for signature in signatures)
    if len(signatures) > 1:
        out += _column([signatures.index(tuple(mark for mark, _ in run)) for run in runs])
    counts = [times for run in runs for _, times in run]
    out += _column(counts) if counts else b""
    strings, columns = {}, b""
    for (_, *fields), rows in shapes.items():
        for place, kind in enumerate([bytes, *(kind for _, kind in fields)]):
            values = [row[place] for row in rows]
            if kind is int:
                columns += _column(values)
            else:
                values = [value.encode() if kind is str else value for value in values]
                places = [strings.setdefault(value, len(strings)) for value in values]
                columns += _column(places, TEXT if kind is str else BYTES)
    out += _varint(len(strings))
    if strings:
        out += _column([len(value) + 1 for value in strings]) + b"".join(strings)
    return out + columns + rest
