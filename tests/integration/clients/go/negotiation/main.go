// Negotiated extensions by gorilla/websocket: reads sessions (see support/negotiation.py) from its argument, prints one JSON line each.
//
// gorilla compresses without context takeover only; an offer that is not null means that one.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"time"

	"github.com/gorilla/websocket"
)

type session struct {
	URL          string          `json:"url"`
	Offer        json.RawMessage `json:"offer"`
	Subprotocols []string        `json:"subprotocols"`
	Sizes        []int           `json:"sizes"`
	Awaited      int             `json:"awaited"`
}

type verdict struct {
	Client     string      `json:"client"`
	Extensions *string     `json:"extensions"`
	Protocol   *string     `json:"protocol"`
	Echoes     int         `json:"echoes"`
	Failures   []string    `json:"failures"`
	Received   [][2]string `json:"received"`
}

var kinds = map[int]string{websocket.TextMessage: "text", websocket.BinaryMessage: "binary"}

// contentOf gives, by turns, text that compresses well, a random block that comes again 20,000 bytes later, and noise.
func contentOf(size, serial int) []byte {
	noise := rand.New(rand.NewSource(int64(serial)))
	block := []byte(fmt.Sprintf("message %d: temperature 21.5, humidity 40; ", serial))
	if serial%3 == 1 {
		block = make([]byte, 20000)
		noise.Read(block)
	} else if serial%3 == 2 {
		block = make([]byte, size+1)
		noise.Read(block)
	}
	return bytes.Repeat(block, size/len(block)+1)[:size]
}

func header(values map[string][]string, name string) *string {
	if found := values[name]; len(found) > 0 {
		return &found[0]
	}
	return nil
}

func (v *verdict) echoAll(connection *websocket.Conn, sizes []int) error {
	serial := 0
	for _, size := range sizes {
		for _, kind := range []int{websocket.TextMessage, websocket.BinaryMessage} {
			content := contentOf(size, serial)
			if kind == websocket.TextMessage {
				content = []byte(hex.EncodeToString(content)[:size])
			}
			serial++
			if err := connection.WriteMessage(kind, content); err != nil {
				return err
			}
			connection.SetReadDeadline(time.Now().Add(60 * time.Second))
			gotKind, got, err := connection.ReadMessage()
			if err != nil {
				return err
			}
			if gotKind != kind || !bytes.Equal(got, content) {
				return fmt.Errorf("%s of %d: %d bytes came back, or others", kinds[kind], size, len(got))
			}
			v.Echoes++
		}
	}
	return nil
}

func (v *verdict) run(s session) error {
	dialer := websocket.Dialer{HandshakeTimeout: 30 * time.Second, EnableCompression: string(s.Offer) != "null", Subprotocols: s.Subprotocols}
	connection, response, err := dialer.Dial(s.URL, nil)
	if err != nil {
		return err
	}
	v.Extensions, v.Protocol = header(response.Header, "Sec-Websocket-Extensions"), header(response.Header, "Sec-Websocket-Protocol")
	if err := v.echoAll(connection, s.Sizes); err != nil {
		return err
	}
	if s.Awaited > 0 {
		fmt.Println("ready")
	}
	for len(v.Received) < s.Awaited {
		connection.SetReadDeadline(time.Now().Add(60 * time.Second))
		kind, data, err := connection.ReadMessage()
		if err != nil {
			return err
		}
		v.Received = append(v.Received, [2]string{kinds[kind], fmt.Sprintf("%x", sha256.Sum256(data))})
	}
	normal := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	if err := connection.WriteControl(websocket.CloseMessage, normal, time.Now().Add(10*time.Second)); err != nil {
		return err
	}
	if _, _, err := connection.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		return fmt.Errorf("closing: %w", err)
	}
	return nil
}

func main() {
	var sessions []session
	if err := json.Unmarshal([]byte(os.Args[1]), &sessions); err != nil {
		panic(err)
	}
	for _, s := range sessions {
		v := verdict{Client: "gorilla", Failures: []string{}, Received: [][2]string{}}
		if err := v.run(s); err != nil {
			v.Failures = append(v.Failures, err.Error())
		}
		json.NewEncoder(os.Stdout).Encode(v)
	}
}
