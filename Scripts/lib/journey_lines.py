#!/usr/bin/env python3
"""Writes line items of The Complete Journey as `bench` reads them.

    journey_lines.py COUNT FILE

The first COUNT of the year in the order of time and basket, a line each: milliseconds since 1970, basket, product, quantity,
and in cents the sales value, the retail, the coupon and the coupon match discount; household and store.
"""

import sys

sys.dont_write_bytecode = True
import journey


def main():
    if len(sys.argv) != 3 or not sys.argv[1].isdigit():
        sys.exit(__doc__)
    source = journey.open_source()
    import pyarrow

    table = source.table("transactions")
    time = table["transaction_timestamp"].cast(pyarrow.timestamp("ms"), safe=False).cast(pyarrow.int64())
    table = table.append_column("time", time).sort_by([("time", "ascending"), ("basket_id", "ascending")])
    rows = table.slice(0, int(sys.argv[1])).to_pylist()
    with open(sys.argv[2], "w") as file:
        for row in rows:
            amounts = [journey.cents(row[name]) for name in
                       ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")]
            values = [row["time"], row["basket_id"], row["product_id"], int(row["quantity"]), *amounts,
                      row["household_id"], row["store_id"]]
            file.write(",".join(map(str, values)) + "\n")


if __name__ == "__main__":
    main()
