package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// gate is a ringgate of this run's own, with a plain listener and one with TLS.
type gate struct {
	command       *exec.Cmd
	plain, secure string
	admin         string
}

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

// startGate runs a gate that listens on `host`.
func startGate(binary, host, folder string) (*gate, error) {
	cert, key, err := certificate(folder)
	if err != nil {
		return nil, err
	}
	settings := fmt.Sprintf(`
[[listener]]
bind = "%s:0"
[[listener]]
bind = "%s:0"
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
`, host, host, cert, key)
	file := filepath.Join(folder, "gate.toml")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		return nil, err
	}
	g := &gate{command: exec.Command(binary, "serve", "-c", file, "--log-format", "logfmt", "--set", "server.shards=2")}
	output, err := g.command.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := g.command.Start(); err != nil {
		return nil, err
	}
	listening := regexp.MustCompile(`msg="?listening"? listener=(devices|admin) address="?([0-9.:]+)`)
	found := make(chan error, 1)
	go func() {
		var seen []string
		for lines := bufio.NewScanner(output); lines.Scan(); {
			match := listening.FindStringSubmatch(lines.Text())
			switch {
			case match == nil:
				seen = append(seen, lines.Text())
			case match[1] == "admin":
				g.admin = match[2]
			case g.plain == "":
				g.plain = match[2]
			default:
				g.secure = match[2]
			}
			if g.plain != "" && g.secure != "" && g.admin != "" {
				found <- nil
				_, _ = io.Copy(io.Discard, output)
				return
			}
		}
		found <- fmt.Errorf("the gate did not start: %s", strings.Join(seen, " | "))
	}()
	select {
	case err := <-found:
		return g, err
	case <-time.After(10 * time.Second):
		return nil, fmt.Errorf("the gate does not say where it listens")
	}
}

func (g *gate) stop() {
	_ = g.command.Process.Signal(syscall.SIGTERM)
	_ = g.command.Wait()
}
