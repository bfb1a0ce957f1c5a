// Package device opens WebSockets as devices do, with as little between the caller and the wire as is possible: what is read and when
// is the caller's choice. No extensions, no fragments; TLS without a look at the certificate.
package device

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// Opcodes of RFC 6455 section 5.2.
const (
	Text  = 1
	Close = 8
	Ping  = 9
	Pong  = 10
)

// Connection is one opened WebSocket. One goroutine may receive; any may send.
type Connection struct {
	net.Conn
	from    *bufio.Reader
	body    []byte // of the latest frame
	sending sync.Mutex
}

// How long an opening handshake may take.
const openingLimit = 20 * time.Second

// Open connects to "HOST:PORT", and opens `target` such as "/ws?deviceId=d-1".
func Open(address, target string, secure bool) (*Connection, error) {
	plain, err := net.DialTimeout("tcp", address, openingLimit)
	if err != nil {
		return nil, err
	}
	opened := &Connection{Conn: plain}
	if secure {
		opened.Conn = tls.Client(plain, &tls.Config{InsecureSkipVerify: true})
	}
	opened.from = bufio.NewReaderSize(opened.Conn, 4096)
	if err := opened.shake(address, target); err != nil {
		_ = plain.Close()
		return nil, err
	}
	return opened, nil
}

func (c *Connection) shake(address, target string) error {
	_ = c.SetDeadline(time.Now().Add(openingLimit))
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", target, address); err != nil {
		return err
	}
	for first := true; ; first = false {
		line, err := c.from.ReadString('\n')
		if err != nil {
			return err
		}
		if first && !strings.HasPrefix(line, "HTTP/1.1 101 ") {
			return fmt.Errorf("answered %q", strings.TrimSpace(line))
		}
		if line == "\r\n" {
			return c.SetDeadline(time.Time{})
		}
	}
}

// Name is the id of the device with this number.
func Name(number int) string { return fmt.Sprintf("dev-%05d", number) }

// OpenAll opens `count` devices, a few at a time so that no accept queue overflows. Each has its Name behind `target`, such as
// "/ws?deviceId=".
func OpenAll(address, target string, count int) ([]*Connection, error) {
	all := make([]*Connection, count)
	const lanes = 8
	var group sync.WaitGroup
	faults := make(chan error, lanes)
	for lane := 0; lane < lanes; lane++ {
		group.Add(1)
		go func(lane int) {
			defer group.Done()
			for i := lane; i < count; i += lanes {
				var err error
				if all[i], err = Open(address, target+Name(i), false); err != nil {
					faults <- fmt.Errorf("device %d: %w", i, err)
					return
				}
			}
		}(lane)
	}
	group.Wait()
	select {
	case err := <-faults:
		CloseAll(all)
		return nil, err
	default:
		return all, nil
	}
}

// CloseAll closes them without a closing handshake. Those that are nil were never opened.
func CloseAll(all []*Connection) {
	for _, one := range all {
		if one != nil {
			_ = one.Conn.Close()
		}
	}
}

// AppendFrame appends a frame, masked with a fixed key (RFC 6455 section 5.3). At most 65,535 bytes.
func AppendFrame(out []byte, opcode byte, body []byte) []byte {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	out = append(out, 0x80|opcode)
	if len(body) < 126 {
		out = append(out, 0x80|byte(len(body)))
	} else {
		out = append(out, 0x80|126)
		out = binary.BigEndian.AppendUint16(out, uint16(len(body)))
	}
	out = append(out, key[:]...)
	for i, b := range body {
		out = append(out, b^key[i%4])
	}
	return out
}

// Send writes one frame with one write.
func (c *Connection) Send(opcode byte, body []byte) error {
	out := AppendFrame(make([]byte, 0, 8+len(body)), opcode, body)
	c.sending.Lock()
	defer c.sending.Unlock()
	_, err := c.Write(out)
	return err
}

// Receive reads one frame. The body is valid until the next call.
func (c *Connection) Receive() (opcode byte, body []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(c.from, head[:]); err != nil {
		return 0, nil, err
	}
	size := uint64(head[1] & 0x7f)
	if size >= 126 {
		var long [8]byte
		part := long[6:]
		if size == 127 {
			part = long[:]
		}
		if _, err := io.ReadFull(c.from, part); err != nil {
			return 0, nil, err
		}
		size = binary.BigEndian.Uint64(long[:])
	}
	if uint64(cap(c.body)) < size {
		c.body = make([]byte, size)
	}
	c.body = c.body[:size]
	_, err = io.ReadFull(c.from, c.body)
	return head[0] & 0x0f, c.body, err
}
