package main

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

// server is a gate that this program has started.
type server struct {
	command       *exec.Cmd
	device, admin string // addresses
}

// start runs a server that says on standard error where it listens: as ringgate does in logfmt, for devices and for backends.
func start(path string, arguments ...string) (*server, error) {
	started := &server{command: exec.Command(path, arguments...)}
	output, err := started.command.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := started.command.Start(); err != nil {
		return nil, err
	}
	listening := regexp.MustCompile(`msg="?listening"? listener=(devices|admin) address="?([0-9.:]+)`)
	found := make(chan error, 1)
	go func() {
		lines := bufio.NewScanner(output)
		var seen []string
		for lines.Scan() {
			match := listening.FindStringSubmatch(lines.Text())
			if match == nil {
				seen = append(seen, lines.Text())
				continue
			}
			if match[1] == "devices" {
				started.device = match[2]
			} else {
				started.admin = match[2]
			}
			if started.device != "" && started.admin != "" {
				found <- nil
				_, _ = io.Copy(io.Discard, output)
				return
			}
		}
		found <- fmt.Errorf("%s did not start: %s", path, strings.Join(seen, " | "))
	}()
	select {
	case err := <-found:
		return started, err
	case <-time.After(10 * time.Second):
		return nil, fmt.Errorf("%s does not say where it listens", path)
	}
}

func (s *server) stop() {
	_ = s.command.Process.Signal(syscall.SIGTERM)
	_ = s.command.Wait()
}

// cpu is the time that the server's process has spent on a core, to a hundredth of a second.
func (s *server) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.command.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+2:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// resident is the server's memory in bytes.
func (s *server) resident() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.command.Process.Pid))
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// metrics are the lines of /metrics with these beginnings, for the report.
func (s *server) metrics(beginnings ...string) []string {
	response, err := http.Get("http://" + s.admin + "/metrics")
	if err != nil {
		return []string{err.Error()}
	}
	defer response.Body.Close()
	var lines []string
	for scanner := bufio.NewScanner(response.Body); scanner.Scan(); {
		for _, beginning := range beginnings {
			if strings.HasPrefix(scanner.Text(), beginning) && !strings.HasSuffix(scanner.Text(), " 0") {
				lines = append(lines, scanner.Text())
			}
		}
	}
	return lines
}
