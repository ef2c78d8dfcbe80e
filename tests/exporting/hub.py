"""A stand-in for the model hub: what of its HTTP interface an upload needs, on the loopback."""

import base64
import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml

TOKEN = "hf_notarealtoken0123456789"


def sha(repo):
    """The name of a repository's last commit."""
    return f"{repo['commits']:040x}"


class Hub(ThreadingHTTPServer):
    """It knows one user by one token, and holds its repositories in memory.

    owner (str): The user's name.
    repos (dict): By name: whether it is private, its files, and how many commits there were. As on the hub, a
        new one holds .gitattributes.
    refused (set): Names that nobody may write to.
    moving (set): Names that another's commit reaches after each question.
    headers (list): The headers of all requests.
    """

    def __init__(self, owner):
        super().__init__(("127.0.0.1", 0), Handler)
        self.owner = owner
        self.repos = {}
        self.refused = set()
        self.moving = set()
        self.headers = []
        self.blobs = {}

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server_port}"

    def add_repo(self, name, *, private, files=()):
        files = {".gitattributes": b"", **dict(files)}
        self.repos[name] = {"private": private, "files": files, "commits": 0}


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
        path = self.path.split("?")[0]
        if not self.is_known():
            return
        if "/resolve/" in path:
            self.file(path)
            return
        name = path.removeprefix("/api/models/").split("/revision/")[0]
        if name not in self.server.repos:
            self.answer({"error": "Repository not found"}, 404)
            return
        repo = self.server.repos[name]
        siblings = [{"rfilename": file} for file in repo["files"]]
        found = {"id": name, "sha": sha(repo), "private": repo["private"], "siblings": siblings}
        _, *card = repo["files"].get("README.md", b"").decode("utf8").split("---\n", 2)
        self.answer({**found, "cardData": yaml.safe_load(card[0])} if card else found)
        repo["commits"] += name in self.server.moving

    do_HEAD = do_GET

    def file(self, path):
        """A file of a revision, or for HEAD what there is to know of it."""
        name, _, place = path[1:].partition("/resolve/")
        revision, _, file = place.partition("/")
        repo = self.server.repos[name]
        assert revision == sha(repo)
        content = repo["files"][file]
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", revision)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

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
        owner = self.server.owner
        name = f"{wanted.get('organization') or owner}/{wanted['name']}"
        url = f"{self.server.endpoint}/{name}"
        if name.split("/")[0] != owner or name in self.server.refused:
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
        header, *operations = map(json.loads, body.splitlines())
        if header["value"].get("parentCommit") != sha(repo):
            self.answer({"error": "A commit has happened since. Please refresh and try again."}, 412)
            return
        for operation in operations:
            value = operation["value"]
            if operation["key"] == "file":
                repo["files"][value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                repo["files"][value["path"]] = self.server.blobs[value["oid"]]
            elif operation["key"] == "deletedFile":
                del repo["files"][value["path"]]
        repo["commits"] += 1
        self.answer({"commitUrl": f"{self.server.endpoint}/{name}/commit/1", "commitOid": sha(repo)})


@contextmanager
def running_hub(owner="me"):
    """A hub that runs within it."""
    hub = Hub(owner)
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
