package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/gorilla/websocket"
	"ringgate.test/backends/backend"
	"ringgate.test/backends/ledger"
)

// A backend's end of a way. It notes payloads until its connection ends.
type consumer func(admin string, to *ledger.Ledger) error

// follow calls `take` with each line of a body.
func follow(body io.Reader, take func(line []byte)) {
	lines := bufio.NewReaderSize(body, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		take(line)
	}
}

// open is one connection of a reader. `events` gives the payloads that come until it ends, and the id of the last of them.
type open func(last string) (events func(note func(payload []byte)) string, err error)

// keepReading follows a stream, and comes back behind its last event whenever it was cut: a reader that is too slow is. Nothing follows
// the end of the server, whose port answers no more.
func keepReading(connect open, to *ledger.Ledger) error {
	events, err := connect("")
	if err != nil {
		return err
	}
	go func() {
		for err == nil {
			last := events(to.Note)
			events, err = connect(last)
		}
	}()
	return nil
}

// gapsRead counts gaps that are records of the log.
var gapsRead atomic.Int64

func noteGap(kind, reason string) {
	if kind == "gap" && reason == "dropped" {
		gapsRead.Add(1)
	}
}

// readLines follows an event stream; `before` stands before each event's JSON.
func readLines(accept, before string) consumer {
	connect := func(admin, last string) (func(func([]byte)) string, error) {
		request, err := http.NewRequest("GET", "http://"+admin+"/v1/events?type=device.message", nil)
		if err != nil {
			return nil, err
		}
		request.Header.Set("Accept", accept)
		if last != "" {
			request.Header.Set("Last-Event-ID", last)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return nil, err
		}
		if response.StatusCode != 200 {
			return nil, fmt.Errorf("the event stream answered %s", response.Status)
		}
		return func(note func([]byte)) string {
			follow(response.Body, func(line []byte) {
				line, ok := bytes.CutPrefix(line, []byte(before))
				var event struct{ ID, Type, Reason, Text string }
				if !ok || len(line) <= 1 || json.Unmarshal(line, &event) != nil {
					return
				}
				if event.ID != "" {
					last = event.ID
				}
				noteGap(event.Type, event.Reason)
				if event.Type == "device.message" {
					note([]byte(event.Text))
				}
			})
			return last
		}, nil
	}
	return func(admin string, to *ledger.Ledger) error {
		return keepReading(func(last string) (func(func([]byte)) string, error) { return connect(admin, last) }, to)
	}
}

// readStream follows ringgate's backend WebSocket.
func readStream(admin string, to *ledger.Ledger) error {
	return keepReading(func(last string) (func(func([]byte)) string, error) {
		stream, err := backend.OpenStream(admin, "?type=device.message", last)
		if err != nil {
			return nil, err
		}
		if err := stream.Begin(); err != nil {
			return nil, err
		}
		return func(note func([]byte)) string {
			for {
				head, payload, err := stream.Receive()
				if err != nil {
					return last
				}
				if head.ID != "" {
					last = head.ID
				}
				noteGap(head.Type, head.Reason)
				if head.Type == "device.message" {
					note(payload)
				}
			}
		}, nil
	}, to)
}

// readSocket follows the rival's WebSocket, whose events carry their text as JSON.
func readSocket(admin string, to *ledger.Ledger) error {
	connection, _, err := (&websocket.Dialer{ReadBufferSize: 1 << 18}).Dial("ws://"+admin+"/v1/stream", nil)
	if err != nil {
		return err
	}
	go func() {
		for {
			_, message, err := connection.ReadMessage()
			if err != nil {
				return
			}
			var event struct{ Text string }
			if json.Unmarshal(message, &event) == nil {
				to.Note([]byte(event.Text))
			}
		}
	}()
	return nil
}

// readCentrifugo follows the channel of all devices: a unidirectional stream of lines, which begin with `before`.
func readCentrifugo(path, before string) consumer {
	return func(admin string, to *ledger.Ledger) error {
		response, err := http.Post("http://"+admin+path, "application/json", strings.NewReader(`{"subs":{"devices":{}}}`))
		if err != nil {
			return err
		}
		lines := bufio.NewReaderSize(response.Body, 1<<20)
		if first, err := lines.ReadString('\n'); err != nil || response.StatusCode != 200 {
			return fmt.Errorf("centrifugo answered %s: %s", response.Status, first)
		}
		go follow(lines, func(line []byte) {
			var push struct {
				Pub struct{ Data json.RawMessage }
			}
			line, ok := bytes.CutPrefix(line, []byte(before))
			if ok && json.Unmarshal(line, &push) == nil && len(push.Pub.Data) > 0 {
				to.Note(push.Pub.Data)
			}
		})
		return nil
	}
}

// readCentrifugoSocket subscribes to the channel by WebSocket. Publications come as lines of JSON, several in a message.
func readCentrifugoSocket(admin string, to *ledger.Ledger) error {
	connection, _, err := (&websocket.Dialer{ReadBufferSize: 1 << 18}).Dial("ws://"+admin+"/connection/websocket", nil)
	if err != nil {
		return err
	}
	for _, command := range []string{`{"id":1,"connect":{}}`, `{"id":2,"subscribe":{"channel":"devices"}}`} {
		if err := connection.WriteMessage(websocket.TextMessage, []byte(command)); err != nil {
			return err
		}
		if _, answer, err := connection.ReadMessage(); err != nil || bytes.Contains(answer, []byte(`"error"`)) {
			return fmt.Errorf("centrifugo answered %s, %v", answer, err)
		}
	}
	go func() {
		for {
			_, message, err := connection.ReadMessage()
			if err != nil {
				return
			}
			for _, line := range bytes.Split(message, []byte{'\n'}) {
				var reply struct {
					Push struct {
						Pub struct{ Data json.RawMessage }
					}
				}
				if json.Unmarshal(line, &reply) == nil && len(reply.Push.Pub.Data) > 0 {
					to.Note(reply.Push.Pub.Data)
				}
			}
		}
	}()
	return nil
}

// centrifugoCalls takes what Centrifugo's RPC proxy posts, one request for each message, and answers each device with an empty object.
func centrifugoCalls(to *ledger.Ledger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var call struct{ Data json.RawMessage }
		if body, err := io.ReadAll(r.Body); err != nil || json.Unmarshal(body, &call) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		to.Note(call.Data)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"result":{"data":{}}}`)
	}
}
