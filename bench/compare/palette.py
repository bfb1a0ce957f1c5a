"""A colour for each server that holds in light and dark. ringgate stands out, ceilings are grey, rivals are told apart by hue.

Each colour is its own: a drawing made in the light ones can be recoloured by replacing them (drawing.py).
"""

INK, SOFT, FAINT, PAPER = "#1c1e21", "#666677", "#e6e8eb", "#ffffff"
GROUND = {  # name: (light, dark)
    "ink": (INK, "#e8eaed"),
    "soft": (SOFT, "#9aa3ad"),
    "faint": (FAINT, "#2c3137"),
}
SERVERS = {
    "ringgate": ("#d9480f", "#ff8a4c"),
    "ringgate_ungathered": ("#f59f00", "#ffd8a8"),
    "raw_uring": ("#495057", "#ced4da"),
    "raw_epoll": ("#868e96", "#868e97"),
    "gorilla": ("#1971c2", "#4dabf7"),
    "gws": ("#0b7285", "#3bc9db"),
    "uwebsockets_js": ("#2b8a3e", "#69db7c"),
    "ws": ("#87a800", "#c0eb75"),
    "bun": ("#7f5539", "#ddb892"),
    "fastwebsockets": ("#6741d9", "#b197fc"),
    "sockudo_ws": ("#e64980", "#faa2c1"),
    "tokio_tungstenite": ("#a61e4d", "#f783ac"),
    "beast": ("#946200", "#ffd43b"),
    "libwebsockets": ("#9c36b5", "#e599f7"),
}
DASHED = ("raw_uring", "raw_epoll")
UNKNOWN = "#777777"

_ALL = {**GROUND, **SERVERS}
FOR_PAGE = {light: f"var(--{name})" for name, (light, _) in _ALL.items()}
FOR_DARK = dict(_ALL.values())
FOR_LIGHT = {light: light for light, _ in _ALL.values()}


def of(server):
    """The light colour of a server; grey for one that is not known here."""
    return SERVERS.get(server, (UNKNOWN, UNKNOWN))[0]
