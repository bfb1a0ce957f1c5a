package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	"ringgate.test/backends/backend"
	"ringgate.test/backends/ledger"
	"ringgate.test/support/device"
)

// share is what one connection of a backend pushes: `each` messages to each of its devices, in turns.
type share struct {
	admin       string
	devices     []int
	each, size  int
	atOnce      int // pushes under way
	linesOfBody int // messages of one batch
}

func (s share) count() int { return len(s.devices) * s.each }

// message number `i` of the share.
func (s share) message(i int) (device_ string, payload []byte) {
	name := device.Name(s.devices[i%len(s.devices)])
	return name, ledger.Payload(name, i/len(s.devices), s.size)
}

// line is one connection of HTTP.
type line struct {
	connection net.Conn
	from       *bufio.Reader
}

func dial(admin string) (*line, error) {
	connection, err := net.Dial("tcp", admin)
	if err != nil {
		return nil, err
	}
	return &line{connection, bufio.NewReaderSize(connection, 1<<16)}, nil
}

// post appends a request.
func (s share) post(out []byte, path string, payload []byte) []byte {
	out = append(out, "POST "...)
	out = append(out, path...)
	out = append(out, " HTTP/1.1\r\nHost: "...)
	out = append(out, s.admin...)
	out = append(out, "\r\nContent-Type: text/plain\r\nContent-Length: "...)
	out = strconv.AppendInt(out, int64(len(payload)), 10)
	out = append(out, "\r\n\r\n"...)
	return append(out, payload...)
}

// answer reads one answer, which has to be 200.
func (l *line) answer() ([]byte, error) {
	response, err := http.ReadResponse(l.from, nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != 200 {
		err = fmt.Errorf("answered %s %s", response.Status, body)
	}
	return body, err
}

// pushOverHTTP keeps `atOnce` requests under way on one connection. Those that may be sent together are one write.
func pushOverHTTP(s share) error {
	l, err := dial(s.admin)
	if err != nil {
		return err
	}
	defer l.connection.Close()
	var out []byte
	for begun, answered := 0, 0; answered < s.count(); {
		out = out[:0]
		for ; begun < s.count() && begun-answered < s.atOnce; begun++ {
			name, payload := s.message(begun)
			out = s.post(out, "/v1/devices/"+name+"/messages", payload)
		}
		if _, err := l.connection.Write(out); err != nil {
			return err
		}
		// One answer at least; and all that are here already.
		for first := true; answered < begun && (first || l.from.Buffered() > 0); first = false {
			if _, err := l.answer(); err != nil {
				return err
			}
			answered++
		}
	}
	return nil
}

// pushBatches sends bodies of many lines, one after the other, and counts the results.
func pushBatches(s share) error {
	for begun := 0; begun < s.count(); {
		var body bytes.Buffer
		first := begun
		for ; begun < s.count() && begun-first < s.linesOfBody; begun++ {
			name, payload := s.message(begun)
			text, _ := json.Marshal(string(payload))
			fmt.Fprintf(&body, `{"device":"%s","text":%s}`+"\n", name, text)
		}
		response, err := http.Post("http://"+s.admin+"/v1/messages:batch", "application/x-ndjson", &body)
		if err != nil {
			return err
		}
		answer, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			return err
		}
		wanted := fmt.Sprintf(`{"lines":%d,"delivered":%d}`, begun-first, begun-first)
		if last := bytes.TrimSpace(answer[bytes.LastIndexByte(bytes.TrimSpace(answer), '\n')+1:]); string(last) != wanted {
			return fmt.Errorf("a batch ended with %s", last)
		}
	}
	return nil
}

// pushOverStream keeps `atOnce` pushes under way on one backend WebSocket.
func pushOverStream(s share) error {
	stream, err := backend.OpenStream(s.admin, "", "")
	if err != nil {
		return err
	}
	defer stream.Close()
	room, faults := make(chan struct{}, s.atOnce), make(chan error, 1)
	go func() {
		for i := 0; i < s.count(); i++ {
			head, _, err := stream.Receive()
			if err == nil && head.Status != "delivered" {
				err = fmt.Errorf("push %s: %s %s", head.ID, head.Type, head.Status)
			}
			if err != nil {
				faults <- err
				return
			}
			<-room
		}
		faults <- nil
	}()
	for i := 0; i < s.count(); i++ {
		select {
		case room <- struct{}{}:
		case err := <-faults:
			return err
		}
		name, payload := s.message(i)
		if err := stream.Push(strconv.Itoa(i), name, payload); err != nil {
			return err
		}
	}
	return <-faults
}

// everybody stands for the device in messages to all.
const everybody = "all"

// pushToAll sends messages one by one: each once all devices have the one before.
func pushToAll(path string) func(s share, f *fleet) error {
	return func(s share, f *fleet) error {
		l, err := dial(s.admin)
		if err != nil {
			return err
		}
		defer l.connection.Close()
		wanted := fmt.Sprintf(`"delivered":%d,`, len(f.devices))
		for n := 0; n < s.each; n++ {
			if _, err := l.connection.Write(s.post(nil, path, ledger.Payload(everybody, n, s.size))); err != nil {
				return err
			}
			if body, err := l.answer(); err != nil || !bytes.Contains(body, []byte(wanted)) {
				return fmt.Errorf("answered %s, %v", body, err)
			}
			if err := f.wait((n + 1) * len(f.devices)); err != nil {
				return err
			}
		}
		return nil
	}
}
