"""The HTTP differential: what a proxy forwarded, read by h11, against what the gate behind it did. See docs/conformance/proxies.md."""
