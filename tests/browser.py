"""A real browser, without a window, for pages that are served on loopback by the test itself."""

import importlib.resources
import threading
from contextlib import contextmanager

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait
from werkzeug.serving import WSGIRequestHandler, make_server

from deploy.local import binaries

WIDE, NARROW = (1280, 900), (360, 780)
SECONDS = 20
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


class Quiet(WSGIRequestHandler):
    """Serves without a line for every request."""

    def log_request(self, *_arguments):
        """Say nothing."""


@contextmanager
def served(applications):
    """Serve WSGI applications while inside; gives the address of each, by its name."""
    servers = {
        name: make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
        for name, app in applications.items()
    }
    threads = [threading.Thread(target=server.serve_forever) for server in servers.values()]
    for thread in threads:
        thread.start()
    try:
        yield {name: f"http://127.0.0.1:{server.server_port}" for name, server in servers.items()}
    finally:
        for server in servers.values():
            server.shutdown()
            server.server_close()
        for thread in threads:
            thread.join()


class Browser:
    """Chromium with a profile of its own; everything its console says is kept until asked for."""

    def __init__(self, profile):
        programs = binaries.chromium(), binaries.chromedriver()
        assert all(programs), "chromium or chromedriver is missing: python -m deploy.local binaries"
        options = ChromeOptions()
        options.binary_location = programs[0]
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        for option in (*OPTIONS, f"--user-data-dir={profile}"):
            options.add_argument(option)
        self.driver = Chrome(options=options, service=Service(programs[1]))

    def resize(self, size):
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def open(self, address):
        self.driver.get(address)

    def type(self, name, text):
        self.driver.find_element(By.NAME, name).send_keys(text)

    def press(self, words):
        """Press the first link or button that says so."""
        path = f"//*[self::a or self::button][normalize-space()={words!r}]"
        self.driver.find_element(By.XPATH, path).click()

    def click(self, words):
        """The same, and wait for the page that it leads to."""
        before = self._document()
        self.press(words)
        waiting = WebDriverWait(self.driver, SECONDS, 0.05, [WebDriverException])
        waiting.until(lambda _driver: self._document() not in {before, None}, f"no page: {words}")

    @property
    def title(self):
        return self.driver.title

    @property
    def text(self):
        return self.driver.find_element(By.TAG_NAME, "body").text

    def too_wide(self):
        """By how many pixels the page must be scrolled sideways."""
        root = "document.documentElement"
        return self.driver.execute_script(f"return {root}.scrollWidth - {root}.clientWidth")

    def obstacles(self):
        """What axe-core finds on the page at hand: WCAG 2.2 A and AA, and its best practices."""
        axe = importlib.resources.files("selenium_axe_python") / "axe-core/axe.min.js"
        self.driver.execute_script(axe.read_text(encoding="utf-8"))
        found = self.driver.execute_async_script("axe.run().then(arguments[0])")
        return [
            f"{fault['id']}: {node['html'][:120]}"
            for fault in found["violations"]
            for node in fault["nodes"]
        ]

    def complaints(self):
        """What the console has said since the last time."""
        return [f"{entry['level']}: {entry['message']}" for entry in self.driver.get_log("browser")]

    def forget(self):
        """Drop cookies, and what the console has said."""
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self.complaints()

    def close(self):
        self.driver.quit()

    def _document(self):
        """What no two loaded pages have in common; None while one is loading."""
        script = "return document.readyState == 'complete' ? performance.timeOrigin : null"
        return self.driver.execute_script(script)
