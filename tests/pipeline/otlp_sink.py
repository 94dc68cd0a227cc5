# SPDX-License-Identifier: Apache-2.0
"""An OTLP/HTTP receiver for tests, on loopback: it keeps what it takes as files that load_scan reads,
and gives the answers that a real Collector never gives, as the test tells it.
"""
import gzip
import http.server
import threading

TAKE = (200, {"Content-Type": "application/x-protobuf"}, b"")


class Sink:
    """decide(signal, body, number) returns (status, headers, body) of the answer; "cut": the connection
    ends without one; "cut-answer": in the middle of it; "stuck": it ends at release(); "late": it is
    taken at release(). What is answered with 2xx is kept, unless the answer has the header X-Drop.
    tls: an ssl.SSLContext, for https."""

    def __init__(self, folder, decide=None, tls=None):
        self.folder, self.decide = folder, decide or (lambda *_: TAKE)
        self.lock, self.released = threading.Lock(), threading.Event()
        self.requests, self.headers, self.kept = 0, [], 0
        for signal in ("traces", "metrics", "logs"):
            (folder / signal).mkdir(parents=True)
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                sink.answer(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):  # a sender that was killed
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def answer(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        if handler.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        signal = handler.path.rsplit("/", 1)[-1]
        with self.lock:
            self.requests += 1
            self.headers.append(dict(handler.headers))
            answer = self.decide(signal, body, self.requests)
            if isinstance(answer, tuple) and answer[0] < 300 and "X-Drop" not in answer[1]:
                self.keep(signal, body)
        if answer in ("stuck", "late"):
            self.released.wait(60)
        if answer == "late":
            with self.lock:
                self.keep(signal, body)
            answer = TAKE
        if answer in ("cut", "stuck"):
            handler.close_connection = True
            return
        status, headers, text = TAKE if answer == "cut-answer" else answer
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(text) + 10 * (answer == "cut-answer")))
        handler.end_headers()
        handler.wfile.write(text)
        if answer == "cut-answer":
            handler.close_connection = True

    def keep(self, signal, body):
        folder = self.folder / signal
        self.kept += 1
        # Whole, or not there: the test may look at any moment.
        path = folder / f"{signal}-20260101T000000Z-{self.kept:08d}.binpb"
        path.with_suffix(".part").write_bytes(body)
        path.with_suffix(".part").rename(path)

    def release(self):
        self.released.set()

    def close(self):
        self.release()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
