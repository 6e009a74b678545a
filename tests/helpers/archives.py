"""Small archives of the layout in which data sets are published, and a server that publishes them."""

import hashlib
import io
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl

README = "SUMMARY\nNeither redistribution nor commercial use.\n"
GENRES = ["unknown", "Action", "Drama", "Sci-Fi"]
MOVIELENS_FILES = {
    "100k": {
        "README": README,
        "u.data": "196\t242\t3\t881250949\n186\t302\t3\t891717742\n196\t302\t1\t881250950\n",
        "u.item": (
            "242|Kolya (1996)|24-Jan-1997||http://us.imdb.com/M/title-exact?Kolya%20(1996)|0|0|1|0\n"
            "302|L\xe9on\x85 (1994)|01-Jan-1994|||0|1|1|0\n"
            "267|unknown||||1|0|0|0\n"
        ),
        "u.genre": "".join(f"{name}|{code}\n" for code, name in enumerate(GENRES)) + "\n",
    },
    "1m": {
        "README": README,
        "ratings.dat": "1::1193::5::978300760\n1::661::3::978302109\n2::1193::4::978298413\n",
        "movies.dat": "661::James and the Giant Peach (1996)::Animation|Children's\n1193::L\xe9on (1994)::Drama\n",
    },
    "latest-small": {
        "README.txt": README,
        "ratings.csv": "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n1,11,0.5,964981247\n2,1,3.5,964983815\n",
        "movies.csv": 'movieId,title,genres\n1,"American President, The (1995)",Comedy|Drama\n'
        "11,\u00c0 bout (1960),(no genres listed)\n",
    },
}
MOVIELENS_FILES["32m"] = MOVIELENS_FILES["latest-small"]
INVOICES = [
    ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"],
    [536365, "85123A", "OLD NAME", 6, datetime(2010, 12, 1, 8, 26), 2.55, 17850, "United Kingdom"],
    [536365, 71053, "WHITE METAL LANTERN ", 6, datetime(2010, 12, 1, 8, 26), 3.39, 17850, "United Kingdom"],
    [536366, "85123A", "WHITE HOLDER", 2, datetime(2010, 12, 1, 9, 0), 2.55, 13047, "France"],
    [536367, 71053, None, 1, datetime(2010, 12, 1, 9, 1), 3.39, 13047, "France"],
    [536414, 22139, None, 56, datetime(2010, 12, 1, 11, 52), 0, None, "United Kingdom"],
    ["C536379", "D", "Discount", -1, datetime(2010, 12, 1, 9, 41), 27.5, 14527, "United Kingdom"],
]


def movielens_archive(variant):
    """Return the bytes of a MovieLens archive of three ratings."""
    encoding = "latin-1" if variant in ("100k", "1m") else "utf-8"
    return archive_of(
        {f"ml-{variant}/{name}": text.encode(encoding) for name, text in MOVIELENS_FILES[variant].items()}
    )


def retail_archive():
    """Return the bytes of an archive of the workbook of a shop."""
    workbook, content = openpyxl.Workbook(), io.BytesIO()
    for row in INVOICES:
        workbook.active.append(row)
    workbook.save(content)
    return archive_of({"Online Retail.xlsx": content.getvalue()})


def archive_of(members):
    content = io.BytesIO()
    with ZipFile(content, "w", ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return content.getvalue()


class Publisher:
    """What a server has published, what it was asked for, and how it fails."""

    def __init__(self):
        self.files, self.asked, self.cut, self.delay = {}, [], False, threading.Event()
        self.delay.set()

    def publish(self, source, content, checksum=None):
        """Publish a file, and return its source as it is found here."""
        name = f"/{source.file_name}"
        self.files[name] = content
        if source.checksum is None:
            self.files[f"{name}.md5"] = f"MD5 ({source.file_name}) = {hashlib.md5(content).hexdigest()}\n".encode()
        else:
            checksum = checksum or f"sha256:{hashlib.sha256(content).hexdigest()}"
        return replace(source, url=self.address + name, checksum=checksum)


@contextmanager
def publisher():
    """Yield what a server on this machine publishes, while it runs."""
    published = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            published.asked.append(self.path)
            content = published.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            published.delay.wait(20)
            is_cut = published.cut and not self.path.endswith(".md5")
            self.wfile.write(content[: len(content) // 2] if is_cut else content)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        published.address = f"http://127.0.0.1:{server.server_port}"
        yield published
        server.shutdown()
        thread.join()
