"""A client that was generated from a node's own description does a shop's work: sells, keeps a member, follows, and sees what is refused.

Arguments: the folder of the generated client, the shop's address and token, headquarters' address and token.
"""
import sys

folder, url, token, hq_url, hq_token = sys.argv[1:]
sys.path.insert(0, folder)

from store_sync_client import AuthenticatedClient
from store_sync_client.api.changes import list_changes
from store_sync_client.api.member import get_member, patch_member, put_member
from store_sync_client.api.node import get_status
from store_sync_client.api.operations import sell
from store_sync_client.api.order import get_order, list_order
from store_sync_client.api.upkeep import erase, get_erasure
from store_sync_client.models import EraseBody, MemberFields, SaleReceipt

shop = AuthenticatedClient(base_url=url, token=token, raise_on_unexpected_status=True)
hq = AuthenticatedClient(base_url=hq_url, token=hq_token, raise_on_unexpected_status=True)


def expect(what, found, expected):
    if found != expected:
        sys.exit(f"{what}: found {found!r}, expected {expected!r}")
    print(f"ok: {what}")


line = {"product": "espresso", "quantity": 2, "salesCents": 580}
sale = SaleReceipt.from_dict({"receipt": "1001", "soldAt": "2026-03-02T09:15:00Z", "lines": [line]})
first = sell.sync(client=shop, body=sale, idempotency_key="sale 1001")
again = sell.sync(client=shop, body=sale, idempotency_key="sale 1001")
expect("a sale", first.outcome, "taken")
expect("the same again", again.to_dict(), first.to_dict())
order = get_order.sync(client=shop, id=first.order)
expect("its order", (order.receipt, order.sales_total), ("1001", 580))
found = list_order.sync(client=shop, store="1", receipt="1001")
expect("found by its receipt", [item.id for item in found.items], [first.order])

empty = SaleReceipt.from_dict({"receipt": "1002", "soldAt": "2026-03-02T09:16:00Z", "lines": []})
refused = sell.sync_detailed(client=shop, body=empty, idempotency_key="sale 1002")
expect("a sale of nothing", (int(refused.status_code), refused.parsed.code), (422, "missing-field"))

put_member.sync(client=shop, id="100", body=MemberFields.from_dict({"name": "Zoë", "phone": "+49301"}))
version = get_member.sync_detailed(client=shop, id="100").headers["etag"]
new_phone = MemberFields.from_dict({"phone": "+49302"})
expect("a member's new phone", patch_member.sync(client=shop, id="100", body=new_phone, if_match=version).outcome, "changed")
late = patch_member.sync_detailed(client=shop, id="100", body=new_phone, if_match=version)
expect("on what is no longer so", (int(late.status_code), late.parsed.code), (412, "precondition-failed"))

page = list_changes.sync(client=shop, limit=1000)
expect("the feed", {"order", "orderLine", "member"} <= {item.entity for item in page.items}, True)
expect("the shop", get_status.sync(client=shop).role, "store")
expect(
    "what HQ has never had is not erased",
    int(erase.sync_detailed(client=hq, body=EraseBody.from_dict({"entity": "member", "id": "999", "reason": "x"})).status_code),
    404)
expect("nor shown", int(get_erasure.sync_detailed(client=hq, entity="member", id="999").status_code), 404)
