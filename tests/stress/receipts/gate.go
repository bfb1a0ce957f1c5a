package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"ringgate.test/support/gate"
)

// certificate makes a self-signed one.
func certificate(folder string) (cert, key string, err error) {
	cert, key = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	out, err := exec.Command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
		"-subj", "/CN=localhost", "-days", "2", "-keyout", key, "-out", cert).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("openssl: %s", out)
	}
	return cert, key, err
}

// startGate runs a gate with a plain listener and one with TLS, which keeps devices that neither read nor answer.
func startGate(binary, folder string) (*gate.Gate, error) {
	cert, key, err := certificate(folder)
	if err != nil {
		return nil, err
	}
	settings := fmt.Sprintf(`
[[listener]]
bind = "127.0.0.1:0"
[[listener]]
bind = "127.0.0.1:0"
tls.cert = ["%s"]
tls.key = ["%s"]
[[route]]
path = "/ws"
handler = "drop"
auth = ["none"]
[admin]
bind = "127.0.0.1:0"
[limits]
send_timeout = "off"
pong_timeout = "off"
tcp_user_timeout = "off"
flap_connects = "off"
`, cert, key)
	file := filepath.Join(folder, "gate.toml")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		return nil, err
	}
	return gate.Start(binary, 2, "serve", "-c", file, "--log-format", "logfmt", "--set", "server.shards=2")
}
