"""A stand-in for the model hub: what of its HTTP interface an upload needs, on the loopback."""

import base64
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "hf_notarealtoken0123456789"
OWNER = "me"


class Hub(ThreadingHTTPServer):
    """It knows one user, `OWNER`, by one token, and holds its repositories in memory.

    repos (dict): By name: whether it is private, its files, and how many commits there were. As on the hub, a
        new one holds .gitattributes.
    refused (set): Names that nobody may write to.
    headers (list): The headers of all requests.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.repos = {}
        self.refused = set()
        self.headers = []
        self.blobs = {}

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server_port}"

    def add_repo(self, name, *, private):
        self.repos[name] = {"private": private, "files": {".gitattributes": b""}, "commits": 0}


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def answer(self, value, status=200):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def body(self):
        self.server.headers.append(dict(self.headers))
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def is_known(self):
        if self.headers.get("Authorization") == f"Bearer {TOKEN}":
            return True
        self.answer({"error": "Invalid username or password."}, 401)
        return False

    def do_GET(self):
        self.body()
        name = self.path.removeprefix("/api/models/").split("?")[0].split("/revision/")[0]
        if self.is_known():
            if name not in self.server.repos:
                self.answer({"error": "Repository not found"}, 404)
            else:
                repo = self.server.repos[name]
                siblings = [{"rfilename": file} for file in repo["files"]]
                self.answer({"id": name, "private": repo["private"], "siblings": siblings})

    def do_PUT(self):
        self.server.blobs[self.path.rpartition("/")[2]] = self.body()
        self.answer({})

    def do_POST(self):
        body = self.body()
        path = self.path.split("?")[0]
        if not self.is_known():
            return
        if path == "/api/repos/create":
            self.create(json.loads(body))
        elif path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif path.endswith("/info/lfs/objects/batch"):
            self.batch(json.loads(body))
        elif "/preupload/" in path:
            files = json.loads(body)["files"]
            modes = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(".safetensors") else "regular",
                    "shouldIgnore": False,
                }
                for file in files
            ]
            self.answer({"files": modes})
        else:
            self.commit(path.removeprefix("/api/models/").split("/commit/")[0], body)

    def create(self, wanted):
        name = f"{wanted.get('organization') or OWNER}/{wanted['name']}"
        url = f"{self.server.endpoint}/{name}"
        if name.split("/")[0] != OWNER or name in self.server.refused:
            self.answer({"error": "You don't have the rights to create a model under this namespace"}, 403)
        elif name in self.server.repos:
            self.answer({"error": "You already created this model repo", "url": url}, 409)
        else:
            # Releases of huggingface_hub say it in one way or the other.
            private = wanted.get("private", wanted.get("visibility") == "private")
            self.server.add_repo(name, private=private)
            self.answer({"url": url, "name": name})

    def batch(self, wanted):
        objects = [
            {
                **found,
                "actions": {"upload": {"href": f"{self.server.endpoint}/lfs/{found['oid']}", "header": {}}},
            }
            for found in wanted["objects"]
        ]
        self.answer({"transfer": "basic", "objects": objects})

    def commit(self, name, body):
        repo = self.server.repos[name]
        for line in body.splitlines():
            operation = json.loads(line)
            value = operation["value"]
            if operation["key"] == "file":
                repo["files"][value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                repo["files"][value["path"]] = self.server.blobs[value["oid"]]
            elif operation["key"] == "deletedFile":
                del repo["files"][value["path"]]
        repo["commits"] += 1
        self.answer({"commitUrl": f"{self.server.endpoint}/{name}/commit/1", "commitOid": "1" * 40})


@contextmanager
def running_hub():
    """A hub that runs within it."""
    hub = Hub()
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
