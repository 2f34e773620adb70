"""What the replay feeds to the stores: baskets with their coupons, and what headquarters publishes.

Either out of the whole data set, or out of a folder of files like Scripts/demo-data, which needs no download.
"""

import collections
import csv
import dataclasses
import datetime
import json
import pathlib

import journey

UTC = datetime.timezone.utc
FIRST_WEEK, LAST_WEEK = 1, 53


@dataclasses.dataclass(slots=True)
class Basket:
    store: int
    receipt: str
    member: str
    time: int  # seconds since 1970, UTC
    lines: list  # [product, quantity, sales, retail discount, coupon discount, coupon match discount]; cents
    redemptions: list = dataclasses.field(default_factory=list)  # (code, campaign)


@dataclasses.dataclass
class Input:
    """One run's share of the data."""
    weeks: tuple  # the first and the last
    stores: list  # store numbers, busiest first
    baskets: dict  # store -> baskets in order of time
    products: list  # records for `syncctl import`, the most sold first
    campaigns: list
    coupons: list
    coupon_products: list
    facts_of_members: dict  # household -> demographics
    source: str  # what replay-compare reads: --journey DIR or --demo DIR
    folder: pathlib.Path

    def window(self):
        """The first and the last second of these weeks, in the chain's time zone."""
        return first_second(self.weeks[0]), first_second(self.weeks[1] + 1) - 1

    def all_baskets(self):
        return (basket for baskets in self.baskets.values() for basket in baskets)


def week_of(day):
    """The data's week: the first has one day, Sunday 1 January 2017; the others begin on Mondays."""
    return (day.timetuple().tm_yday + 5) // 7 + 1


def local_day(seconds):
    return datetime.datetime.fromtimestamp(seconds, journey.TIME_ZONE).date()


def first_second(week):
    """When a week begins in the chain's time zone."""
    day = datetime.date(2017, 1, 1) + datetime.timedelta(days=max(0, 7 * (week - 1) - 6))
    return int(datetime.datetime.combine(day, datetime.time(), journey.TIME_ZONE).timestamp())


def weeks_of(text):
    first, _, last = text.partition("-")
    weeks = int(first), int(last or first)
    if not FIRST_WEEK <= weeks[0] <= weeks[1] <= LAST_WEEK:
        raise ValueError(f"found the weeks {text}, expected such as 1-53")
    return weeks


def campaign_record(campaign, kind, first, last):
    return {"id": str(campaign), "name": f"Campaign {campaign}", "kind": kind, "startDay": first, "endDay": last}


def product_record(row):
    name = row["product_type"] or row["product_category"] or row["department"] or "unnamed"
    return {"id": str(row["product_id"]), "name": name, "department": row["department"] or "",
            "category": row["product_category"] or "", "brand": row["brand"] or "",
            "packageSize": row["package_size"] or ""}


# MARK: The whole data set

def read_journey(count, weeks):
    """The `count` busiest stores of the year (None: all), and what they sold in these weeks."""
    source = journey.open_source()
    import pyarrow
    import pyarrow.compute as compute

    table = source.table("transactions")
    seconds = compute.divide(table["transaction_timestamp"].cast(pyarrow.int64()), 1_000_000_000)
    table = table.set_column(table.column_names.index("transaction_timestamp"), "time", seconds)
    lines = collections.Counter(table["store_id"].to_pylist())
    stores = sorted(lines, key=lambda store: (-lines[store], store))[:count]
    coupons_used = redemptions_by_basket(source, table)

    chosen = compute.and_(compute.is_in(table["store_id"], pyarrow.array(stores)),
                          compute.and_(compute.greater_equal(table["week"], weeks[0]),
                                       compute.less_equal(table["week"], weeks[1])))
    baskets = baskets_of(table.filter(chosen), stores)
    for basket in (basket for found in baskets.values() for basket in found):
        basket.redemptions = coupons_used.get(int(basket.receipt), [])
    return published(source, weeks, stores, baskets)


def baskets_of(table, stores):
    columns = [table[name].to_pylist() for name in (
        "store_id", "basket_id", "household_id", "time", "product_id", "quantity", "sales_value", "retail_disc",
        "coupon_disc", "coupon_match_disc")]
    found = {}
    for store, receipt, household, time, product, quantity, *dollars in zip(*columns):
        basket = found.get(receipt)
        if basket is None:
            basket = found[receipt] = Basket(store, str(receipt), str(household), time, [])
        basket.lines.append([str(product), quantity, *map(journey.cents, dollars)])
    baskets = {store: [] for store in stores}
    for _, basket in sorted(found.items(), key=lambda item: (item[1].time, item[0])):
        baskets[basket.store].append(basket)
    return baskets


def redemptions_by_basket(source, table):
    """The source gives the household and the day: the coupon belongs to that day's earliest basket."""
    rows = sorted(source.rows("coupon_redemptions"),
                  key=lambda row: (row["redemption_date"], row["household_id"], row["campaign_id"], row["coupon_upc"]))
    households = {row["household_id"] for row in rows}
    earliest = {}  # (household, day) -> (time, basket)
    columns = (table[name].to_pylist() for name in ("household_id", "time", "basket_id"))
    for household, time, basket in set(zip(*columns)):
        if household in households:
            key = household, local_day(time)
            earliest[key] = min(earliest.get(key, (time, basket)), (time, basket))
    found = collections.defaultdict(list)
    for row in rows:
        _, basket = earliest[row["household_id"], row["redemption_date"].date()]
        found[basket].append((str(row["coupon_upc"]), str(row["campaign_id"])))
    return found


def published(source, weeks, stores, baskets):
    sold = collections.Counter(line[0] for found in baskets.values() for basket in found for line in basket.lines)
    used = {coupon for found in baskets.values() for basket in found for coupon in basket.redemptions}
    campaigns = {campaign for _, campaign in used}
    covered = sorted({(str(row["campaign_id"]), str(row["coupon_upc"]), str(row["product_id"]))
                      for row in source.rows("coupons") if (str(row["coupon_upc"]), str(row["campaign_id"])) in used})
    wanted = sold.keys() | {product for _, _, product in covered}
    products = [product_record(row) for row in source.rows("products") if str(row["product_id"]) in wanted]
    return Input(
        weeks=weeks, stores=stores, baskets=baskets,
        products=sorted(products, key=lambda product: (-sold[product["id"]], product["id"])),
        campaigns=[
            campaign_record(row["campaign_id"], row["campaign_type"], *map(journey.day_number, (
                row["start_date"], row["end_date"])))
            for row in source.rows("campaign_descriptions") if str(row["campaign_id"]) in campaigns],
        coupons=[{"campaign": campaign, "code": code} for code, campaign in sorted(used)],
        coupon_products=[{"campaign": campaign, "code": code, "product": product}
                         for campaign, code, product in covered],
        facts_of_members={str(row["household_id"]): row for row in source.rows("demographics")},
        source="--journey", folder=source.folder)


# MARK: A folder like Scripts/demo-data

def read_folder(folder, count, weeks):
    """As `read_journey`, out of a folder; `weeks` None: all that it has."""
    def rows(name):
        with open(folder / name, encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file, strict=True))

    baskets = {}
    for store in rows("stores.csv"):
        with open(folder / f"sales-{store['id']}.jsonl", encoding="utf-8") as file:
            baskets[int(store["id"])] = [basket_of(int(store["id"]), json.loads(line)) for line in file]
    if weeks is None:
        there = {week_of(local_day(basket.time)) for found in baskets.values() for basket in found}
        weeks = min(there), max(there)
    for store, found in baskets.items():
        baskets[store] = [basket for basket in found if weeks[0] <= week_of(local_day(basket.time)) <= weeks[1]]
    stores = sorted(baskets, key=lambda store: (-sum(len(basket.lines) for basket in baskets[store]), store))[:count]
    for row in rows("coupon_redemptions.csv"):
        for basket in baskets[int(row["store"])]:
            if basket.receipt == row["receipt"]:
                basket.redemptions.append((row["code"], row["campaign"]))
    return Input(
        weeks=weeks, stores=stores, baskets={store: baskets[store] for store in stores},
        products=rows("products.csv"), campaigns=[
            campaign_record(row["id"], row["kind"], int(row["startDay"]), int(row["endDay"]))
            for row in rows("campaigns.csv")],
        coupons=[{"campaign": row["campaign"], "code": row["code"]} for row in rows("coupons.csv")],
        coupon_products=rows("coupon_products.csv"), facts_of_members={}, source="--demo", folder=folder)


def basket_of(store, sale):
    time = datetime.datetime.strptime(sale["soldAt"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return Basket(store, sale["receipt"], sale["member"], int(time.timestamp()), [
        [line["product"], line["quantity"], line["salesCents"], line["retailDiscountCents"],
         line["couponDiscountCents"], line["couponMatchDiscountCents"]] for line in sale["lines"]])
