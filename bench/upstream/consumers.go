package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
)

// A way from devices to a backend.
type way struct {
	name string
	// arguments of the named server. What has to be there before it starts is started here.
	arguments func(server string, to *ledger) ([]string, error)
	// begin lets the backend read, and note payloads in the ledger.
	begin func(s *server, to *ledger) error
}

var ways = []way{
	{"sse", toEvents, func(s *server, to *ledger) error { return readLines(s, "text/event-stream", "data: ", to) }},
	{"ndjson", toEvents, func(s *server, to *ledger) error { return readLines(s, "application/x-ndjson", "", to) }},
}

// gateArguments start ringgate with a route that answers nothing.
func gateArguments(sink string) []string {
	return []string{"serve", "--log-format", "logfmt", "--listen", "127.0.0.1:0", "--set", "admin.bind=127.0.0.1:0",
		"--set", "route.0.handler=drop", "--set", "route.0.upstream=" + sink}
}

func toEvents(server string, _ *ledger) ([]string, error) {
	if server != "ringgate" {
		return nil, nil
	}
	return gateArguments("events"), nil
}

// textOf takes the payload out of an event's JSON line.
func textOf(line []byte) ([]byte, bool) {
	var event struct{ Type, Text string }
	if err := json.Unmarshal(line, &event); err != nil || event.Type != "device.message" {
		return nil, false
	}
	return []byte(event.Text), true
}

// readLines follows a stream of lines; `before` stands before each event's JSON.
func readLines(s *server, accept, before string, to *ledger) error {
	request, err := http.NewRequest("GET", "http://"+s.admin+"/v1/events?type=device.message", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", accept)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if response.StatusCode != 200 {
		text, _ := io.ReadAll(response.Body)
		return fmt.Errorf("answered %s: %s", response.Status, text)
	}
	go func() {
		lines := bufio.NewReaderSize(response.Body, 1<<20)
		for {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				return
			}
			if line, ok := bytes.CutPrefix(line, []byte(before)); ok && len(line) > 1 {
				if text, ok := textOf(line); ok {
					to.note(text)
				}
			}
		}
	}()
	return nil
}

// receiver is a backend's end of a webhook.
func receiver(to *ledger) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodOptions {
			w.Header().Set("WebHook-Allowed-Origin", "*")
			w.Header().Set("WebHook-Allowed-Rate", "*")
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if kind := r.Header.Get("ce-type"); kind == "device.message" || kind == "ringgate.device.message" {
			to.note(body)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	go func() { _ = http.Serve(listener, handler) }()
	return "http://" + listener.Addr().String() + "/events", nil
}
