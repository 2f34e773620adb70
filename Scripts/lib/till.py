"""A till that talks to its shop's node over HTTP, with nothing but Python's standard library.

    from till import Till
    till = Till("http://127.0.0.1:7480", token)
    product = till.find("product", barcode="4006381333931")
    till.sell({"receipt": "1001", "soldAt": "2026-03-02T09:15:00Z",
               "lines": [{"product": "espresso", "quantity": 2, "salesCents": 580}],
               "payment": {"method": "cash", "amountCents": 580}})

A sale is sent with a key of its own, and sent again with the same key until there is an answer: however often it arrives, it is
one sale, and every answer is the same. So a lost reply, a restart of the node or a power cut need no thought at the till.
"""

import http.client
import json
import time
import urllib.parse


class Refused(Exception):
    """The node will not take it, however often it is asked: `problem` is what it said (RFC 9457)."""

    def __init__(self, problem):
        super().__init__(f"{problem.get('code')}: {problem.get('detail')}")
        self.problem = problem


class Till:
    # Answers that mean “not now”: the node is starting, stopping, or its disk is full.
    LATER = {429, 502, 503, 504, 507}

    def __init__(self, url, token, timeout=10, patience=60, wait=time.sleep):
        """`patience` is how many seconds a request is tried again; `wait` is for tests."""
        self.url = urllib.parse.urlsplit(url)
        self.token = token
        self.timeout = timeout
        self.patience = patience
        self.wait = wait
        self.connection = None

    def sell(self, sale):
        """Takes a sale. The receipt's number is the key: a till never gives it twice."""
        return self.request("POST", "/v1/operations/sell", sale, key=f"sell-{sale['receipt']}-{sale['soldAt']}")

    def give_back(self, goods):
        return self.request("POST", "/v1/operations/return", goods, key=f"return-{goods['receipt']}-{goods['soldAt']}")

    def void(self, receipt):
        return self.request("POST", "/v1/operations/void", receipt, key=f"void-{receipt['receipt']}-{receipt['soldAt']}")

    def get(self, entity, id):
        """One record, or None."""
        try:
            return self.request("GET", f"/v1/records/{entity}/{urllib.parse.quote(id, safe='')}")
        except Refused as refusal:
            if refusal.problem.get("code") == "not-found":
                return None
            raise

    def find(self, entity, **fields):
        """All records of an entity that show these values, page by page."""
        after = None
        while True:
            query = {**fields, **({"after": after} if after else {})}
            page = self.request("GET", f"/v1/records/{entity}?{urllib.parse.urlencode(query)}")
            yield from page["items"]
            after = page["next"]
            if after is None:
                return

    def request(self, method, path, body=None, key=None):
        """Asks until there is an answer. Only what changes nothing, or carries a key, may be asked again."""
        end = time.monotonic() + self.patience
        pause = 0.05
        while True:
            try:
                status, answer = self.exchange(method, path, body, key)
                if status < 300:
                    return answer
                if status not in self.LATER:
                    raise Refused(answer)
                reason = answer.get("detail")
            except (OSError, http.client.HTTPException) as error:
                self.close()
                reason = str(error) or type(error).__name__
            if time.monotonic() >= end:
                raise TimeoutError(f"the node has not answered for {self.patience} s: {reason}")
            self.wait(pause)
            pause = min(pause * 2, 2)

    def exchange(self, method, path, body, key):
        """One request and its answer, or an error."""
        if self.connection is None:
            kind = http.client.HTTPSConnection if self.url.scheme == "https" else http.client.HTTPConnection
            self.connection = kind(self.url.hostname, self.url.port, timeout=self.timeout)
        headers = {"Authorization": f"Bearer {self.token}"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        if key is not None:
            headers["Idempotency-Key"] = key
        self.connection.request(method, path, data, headers)
        response = self.connection.getresponse()
        text = response.read()
        if response.will_close:
            self.close()
        return response.status, json.loads(text) if text else None

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None
