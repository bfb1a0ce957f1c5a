// Echo matrix by gorilla/websocket: reads a plan (see echo_plan.py) from its argument, prints a verdict as one JSON line.
//
// gorilla cuts a message into fragments where its write buffer is full, so each fragment size has its own connection.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"time"

	"github.com/gorilla/websocket"
)

type plan struct {
	URL       string `json:"url"`
	Sizes     []int  `json:"sizes"`
	Fragments []int  `json:"fragments"`
	Pings     []bool `json:"pings"`
}

type verdict struct {
	Client   string   `json:"client"`
	Echoes   int      `json:"echoes"`
	Bytes   int      `json:"bytes"`
	Pongs    int      `json:"pongs"`
	Failures []string `json:"failures"`
}

const pattern = "aé€😀" // ten bytes, one character of every UTF-8 length

func textOf(size, serial int) []byte {
	data := bytes.Repeat([]byte(pattern), size/len(pattern))
	data = append(data, bytes.Repeat([]byte("."), size%len(pattern))...)
	if size > 0 {
		data[0] = byte('0' + serial%10)
	}
	return data
}

func binaryOf(size, serial int) []byte {
	data := make([]byte, size)
	rand.New(rand.NewSource(int64(serial))).Read(data)
	return data
}

// matrix holds the open connections, by the size of their fragments (0: never cut).
type matrix struct {
	plan        plan
	verdict     verdict
	connections map[int]*websocket.Conn
	pongs       int
}

func (m *matrix) connection(fragmentBytes int) (*websocket.Conn, error) {
	if connection, found := m.connections[fragmentBytes]; found {
		return connection, nil
	}
	dialer := websocket.Dialer{WriteBufferSize: fragmentBytes, HandshakeTimeout: 30 * time.Second, EnableCompression: true}
	if fragmentBytes == 0 {
		dialer.WriteBufferSize = 32 << 20
	}
	connection, _, err := dialer.Dial(fmt.Sprintf("%s-%d", m.plan.URL, fragmentBytes), nil)
	if err != nil {
		return nil, err
	}
	connection.SetPongHandler(func(string) error { m.pongs++; return nil })
	m.connections[fragmentBytes] = connection
	return connection, nil
}

// send writes one message, with pings between the parts if asked to; it returns how many pings it sent.
func send(connection *websocket.Conn, kind int, data []byte, parts int, pings bool) (int, error) {
	writer, err := connection.NextWriter(kind)
	if err != nil {
		return 0, err
	}
	sent := 0
	for part := 0; part < parts; part++ {
		if _, err := writer.Write(data[len(data)*part/parts : len(data)*(part+1)/parts]); err != nil {
			return sent, err
		}
		if pings && sent < 8 {
			deadline := time.Now().Add(30 * time.Second)
			if err := connection.WriteControl(websocket.PingMessage, []byte("between"), deadline); err != nil {
				return sent, err
			}
			sent++
		}
	}
	return sent, writer.Close()
}

func (m *matrix) echo(kind int, data []byte, fragments int, pings bool) error {
	fragmentBytes := 0
	if fragments > 1 && len(data) > 0 {
		fragmentBytes = (len(data) + fragments - 1) / fragments
	}
	connection, err := m.connection(fragmentBytes)
	if err != nil {
		return err
	}
	sent, err := send(connection, kind, data, fragments, pings)
	if err != nil {
		return err
	}
	connection.SetReadDeadline(time.Now().Add(60 * time.Second))
	gotKind, got, err := connection.ReadMessage()
	if err != nil {
		return err
	}
	if gotKind != kind {
		return fmt.Errorf("type changed")
	}
	if !bytes.Equal(got, data) {
		return fmt.Errorf("%d bytes came back, or others", len(got))
	}
	m.verdict.Echoes++
	m.verdict.Bytes += len(data)
	m.verdict.Pongs += sent
	return nil
}

func (m *matrix) run() error {
	serial := 0
	for _, size := range m.plan.Sizes {
		for _, kind := range []int{websocket.TextMessage, websocket.BinaryMessage} {
			serial++
			data := binaryOf(size, serial)
			if kind == websocket.TextMessage {
				data = textOf(size, serial)
			}
			for _, fragments := range m.plan.Fragments {
				for _, pings := range m.plan.Pings {
					if err := m.echo(kind, data, fragments, pings); err != nil {
						return fmt.Errorf("kind %d of %d in %d, pings %v: %w", kind, size, fragments, pings, err)
					}
				}
			}
		}
	}
	return nil
}

// finish closes every connection and counts the pongs that came before the peer's Close.
func (m *matrix) finish() error {
	for _, connection := range m.connections {
		deadline := time.Now().Add(10 * time.Second)
		normal := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
		if err := connection.WriteControl(websocket.CloseMessage, normal, deadline); err != nil {
			return err
		}
		connection.SetReadDeadline(deadline)
		if _, _, err := connection.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
			return fmt.Errorf("closing: %w", err)
		}
	}
	if m.pongs != m.verdict.Pongs {
		return fmt.Errorf("%d pings were answered by %d pongs", m.verdict.Pongs, m.pongs)
	}
	return nil
}

func main() {
	m := matrix{connections: map[int]*websocket.Conn{}, verdict: verdict{Client: "gorilla/websocket 1.5.3", Failures: []string{}}}
	err := json.Unmarshal([]byte(os.Args[1]), &m.plan)
	if err == nil {
		err = m.run()
	}
	if err == nil {
		err = m.finish()
	}
	if err != nil {
		m.verdict.Failures = append(m.verdict.Failures, err.Error())
	}
	json.NewEncoder(os.Stdout).Encode(m.verdict)
	if err != nil {
		os.Exit(1)
	}
}
