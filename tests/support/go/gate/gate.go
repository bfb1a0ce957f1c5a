// Package gate runs a server of this machine for a test or a bench, and looks at it from outside.
package gate

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Gate is a server that this process has started.
type Gate struct {
	Devices []string // addresses of the listeners for devices, in their order
	Admin   string   // address of the listener for backends
	command *exec.Cmd
}

const (
	startLimit = 10 * time.Second
	stopLimit  = 20 * time.Second
)

// Plain are ringgate's arguments for one listener of any port without credentials, and more as --set takes them.
func Plain(settings ...string) []string {
	arguments := []string{"serve", "--log-format", "logfmt", "--listen", "127.0.0.1:0", "--set", "admin.bind=127.0.0.1:0"}
	for _, setting := range settings {
		arguments = append(arguments, "--set", setting)
	}
	return arguments
}

// Start runs a server that says on standard error where it listens, as ringgate does in logfmt: on so many listeners for devices, and
// one for backends.
func Start(path string, listeners int, arguments ...string) (*Gate, error) {
	started := &Gate{command: exec.Command(path, arguments...)}
	output, err := started.command.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := started.command.Start(); err != nil {
		return nil, err
	}
	found := make(chan error, 1)
	go func() {
		listening := regexp.MustCompile(`msg="?listening"? listener=(devices|admin) address="?([0-9.:]+)`)
		var seen []string
		for lines := bufio.NewScanner(output); lines.Scan(); {
			match := listening.FindStringSubmatch(lines.Text())
			switch {
			case match == nil:
				seen = append(seen, lines.Text())
			case match[1] == "devices":
				started.Devices = append(started.Devices, match[2])
			default:
				started.Admin = match[2]
			}
			if len(started.Devices) == listeners && started.Admin != "" {
				found <- nil
				_, _ = io.Copy(io.Discard, output)
				return
			}
		}
		found <- fmt.Errorf("%s did not start: %s", path, strings.Join(seen, " | "))
	}()
	select {
	case err = <-found:
	case <-time.After(startLimit):
		err = fmt.Errorf("%s does not say where it listens", path)
	}
	if err != nil {
		_ = started.command.Process.Kill()
		_ = started.command.Wait()
		return nil, err
	}
	return started, nil
}

// Attach is for a server that does not say where it listens: the caller knows.
func Attach(command *exec.Cmd, devices, admin string) *Gate {
	return &Gate{Devices: []string{devices}, Admin: admin, command: command}
}

// Stop asks the server to end, and returns what is wrong with how it did: a status, a signal, or that it took too long.
func (g *Gate) Stop() error {
	_ = g.command.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(stopLimit, func() { _ = g.command.Process.Kill() })
	defer late.Stop()
	return g.command.Wait()
}

// CoreTime is what the server's process has spent on a core, user and system, to a hundredth of a second.
func (g *Gate) CoreTime() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", g.command.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+2:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// Resident is the server's memory in bytes.
func (g *Gate) Resident() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", g.command.Process.Pid))
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// Metrics are the series of /metrics with one of these beginnings, labels included, with their values.
func (g *Gate) Metrics(beginnings ...string) (map[string]float64, error) {
	response, err := http.Get("http://" + g.Admin + "/metrics")
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	found := map[string]float64{}
	for scanner := bufio.NewScanner(response.Body); scanner.Scan(); {
		line := scanner.Text()
		for _, beginning := range beginnings {
			if end := strings.LastIndexByte(line, ' '); end > 0 && strings.HasPrefix(line, beginning) {
				value, err := strconv.ParseFloat(line[end+1:], 64)
				if err != nil {
					return nil, fmt.Errorf("/metrics says %q", line)
				}
				found[line[:end]] = value
			}
		}
	}
	return found, nil
}
