// Package backend has what a backend of ringgate needs: the WebSocket in both directions, and the receiving end of a webhook.
package backend

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
)

// Stream is one connection to /v1/stream. One goroutine receives, any may write.
type Stream struct {
	connection *websocket.Conn
	writing    sync.Mutex
	begun      bool
	lent       int // bytes that are taken, and not yet given back as credit
}

// Credit of a stream at its beginning; half of it is given back at a time.
const credit = 1 << 20

// OpenStream connects to the admin port. `query` such as "?type=device.message" filters events; `last` is the id of the event behind
// which they begin, or empty.
func OpenStream(admin, query, last string) (*Stream, error) {
	dialer := websocket.Dialer{Subprotocols: []string{"ringgate.v1"}, ReadBufferSize: 1 << 18, WriteBufferSize: 1 << 16}
	fields := http.Header{}
	if last != "" {
		fields.Set("Last-Event-ID", last)
	}
	connection, response, err := dialer.Dial("ws://"+admin+"/v1/stream"+query, fields)
	if err != nil && response != nil {
		return nil, fmt.Errorf("/v1/stream answered %s", response.Status)
	}
	return &Stream{connection: connection}, err
}

func (s *Stream) write(parts ...[]byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.connection.WriteMessage(websocket.BinaryMessage, bytes.Join(parts, nil))
}

// Begin lets events come; from then on Receive gives back the credit that they take.
func (s *Stream) Begin() error {
	s.begun = true
	return s.Credit(credit)
}

// Credit lets so many bytes of events come.
func (s *Stream) Credit(count int) error {
	return s.write([]byte(fmt.Sprintf(`{"type":"credit","bytes":%d}`+"\n", count)))
}

// Push sends a text message to a device. Its result has the same id.
func (s *Stream) Push(id, device string, payload []byte) error {
	return s.write([]byte(fmt.Sprintf(`{"type":"push","id":"%s","device":"%s"}`+"\n", id, device)), payload)
}

// Head of what the gate sends, as far as benches look at it.
type Head struct {
	Type, ID, Status, Reason string
	Missed                   int
}

// Receive takes one event or result.
func (s *Stream) Receive() (Head, []byte, error) {
	var head Head
	_, message, err := s.connection.ReadMessage()
	if err != nil {
		return head, nil, err
	}
	line, payload, ok := bytes.Cut(message, []byte{'\n'})
	if !ok {
		return head, nil, errors.New("a message without a line")
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return head, nil, err
	}
	if s.begun && head.Type != "result" {
		if s.lent += len(message); s.lent > credit/2 {
			if err := s.Credit(s.lent); err != nil {
				return head, nil, err
			}
			s.lent = 0
		}
	}
	return head, payload, nil
}

// Close ends the connection without a closing handshake.
func (s *Stream) Close() { _ = s.connection.Close() }
