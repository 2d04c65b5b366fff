"""A OneRoster server that lets in whoever signs as OAuth 1.0a wants it, by oauthlib's judgement and not by ours.

Arguments: a JSON file with `users` and `orgs`, the client's id, its secret, and a file in which each request is noted as
status, target and header, apart by tabs. The port is said on the standard output; the server ends with the standard input.
"""

import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from oauthlib.oauth1 import RequestValidator, SignatureOnlyEndpoint

roster_file, client_id, secret, notes_file = sys.argv[1:]
with open(roster_file, encoding="utf-8") as file:
    roster = json.load(file)
notes = open(notes_file, "a", encoding="utf-8")


class Validator(RequestValidator):
    enforce_ssl = False
    dummy_client = "nobody"

    def __init__(self):
        super().__init__()
        self.seen = set()
        self.lock = threading.Lock()

    # The library's own rule for ids (20 to 30 letters) is not one of OAuth's. Its rule for nonces stands.
    def check_client_key(self, client_key):
        return True

    def validate_client_key(self, client_key, request):
        return client_key == client_id

    def get_client_secret(self, client_key, request):
        return secret

    def validate_timestamp_and_nonce(self, client_key, timestamp, nonce, request, **tokens):
        with self.lock:
            is_new = (timestamp, nonce) not in self.seen
            self.seen.add((timestamp, nonce))
            return is_new


endpoint = SignatureOnlyEndpoint(Validator())


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        uri = f"http://{self.headers['Host']}{self.path}"
        header = self.headers.get("Authorization", "")
        is_signed, _ = endpoint.validate_request(uri, "GET", None, {"Authorization": header})
        name, found = self.wanted()
        status, body = (200, self.page(name, found)) if is_signed else (401, {"error": "not signed as it should be"})
        print(status, self.path, header, sep="\t", file=notes, flush=True)
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Total-Count", str(len(found)))
        self.end_headers()
        self.wfile.write(body)

    def query(self, name):
        return parse_qs(urlsplit(self.path).query).get(name, [""])[0]

    def wanted(self):
        """What is asked for, and all there is of it."""
        name = urlsplit(self.path).path.rsplit("/", 1)[-1]
        found = roster[name]
        if since := re.fullmatch("dateLastModified>'(.*)'", self.query("filter")):
            found = [one for one in found if one["dateLastModified"] > since[1]]
        return name, found

    def page(self, name, found):
        offset = int(self.query("offset"))
        return {name: found[offset : offset + int(self.query("limit"))]}

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
