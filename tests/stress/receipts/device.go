package main

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// kind of device: what it does with messages and pings.
type kind struct {
	name     string
	reads    bool
	pongs    bool
	talks    bool // sends messages all the time
	vanishes bool // its network goes away after the handshake, without a FIN
}

var kinds = []kind{
	{name: "reads", reads: true, pongs: true},
	{name: "does not read", pongs: true},
	{name: "vanishes without FIN", reads: true, pongs: true, vanishes: true},
	{name: "answers no pings", reads: true},
	{name: "talks all the time", reads: true, pongs: true, talks: true},
}

// device is one connection, and what its WebSocket layer has read of it.
type device struct {
	id         string
	what       kind
	connection net.Conn
	from       *bufio.Reader
	writing    sync.Mutex

	mutex    sync.Mutex
	received map[int]bool // numbers of messages
	faults   []string
}

// dial opens the WebSocket of a device.
func dial(address, id string, what kind, secure bool) (*device, error) {
	plain, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return nil, err
	}
	connection := plain
	if secure {
		connection = tls.Client(plain, &tls.Config{InsecureSkipVerify: true})
	}
	d := &device{id: id, what: what, connection: connection, from: bufio.NewReaderSize(connection, 4096), received: map[int]bool{}}
	_ = connection.SetDeadline(time.Now().Add(20 * time.Second))
	_, err = fmt.Fprintf(connection, "GET /ws?deviceId=%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", id, address)
	if err != nil {
		return nil, err
	}
	for first := true; ; first = false {
		line, err := d.from.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if first && !strings.HasPrefix(line, "HTTP/1.1 101 ") {
			return nil, fmt.Errorf("answered %q", strings.TrimSpace(line))
		}
		if line == "\r\n" {
			break
		}
	}
	_ = connection.SetDeadline(time.Time{})
	if what.reads {
		go d.read()
	}
	if what.talks {
		go d.talk()
	}
	return d, nil
}

const (
	text  = 1
	close = 8
	ping  = 9
	pong  = 10
)

// read takes frames until the connection ends.
func (d *device) read() {
	for {
		head := make([]byte, 2)
		if _, err := io.ReadFull(d.from, head); err != nil {
			return
		}
		size := uint64(head[1] & 0x7f)
		if size >= 126 {
			long := make([]byte, 8)
			part := long[6:]
			if size == 127 {
				part = long
			}
			if _, err := io.ReadFull(d.from, part); err != nil {
				return
			}
			size = binary.BigEndian.Uint64(long)
		}
		body := make([]byte, size)
		if _, err := io.ReadFull(d.from, body); err != nil {
			return
		}
		switch head[0] & 0x0f {
		case text:
			d.note(body)
		case ping:
			if d.what.pongs {
				d.send(pong, body)
			}
		case close:
			return
		}
	}
}

// note: a message is its number and padding.
func (d *device) note(body []byte) {
	number, _, _ := strings.Cut(string(body), " ")
	n, err := strconv.Atoi(number)
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if err != nil || d.received[n] {
		d.faults = append(d.faults, fmt.Sprintf("%.40q came twice, or is no message", body))
		return
	}
	d.received[n] = true
}

func (d *device) has(n int) bool {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.received[n]
}

// send writes a frame, masked with a fixed key (RFC 6455 section 5.3).
func (d *device) send(opcode byte, body []byte) {
	key := [4]byte{1, 2, 3, 4}
	out := append([]byte{0x80 | opcode, 0x80 | byte(len(body))}, key[:]...)
	for i, b := range body {
		out = append(out, b^key[i%4])
	}
	d.writing.Lock()
	defer d.writing.Unlock()
	_, _ = d.connection.Write(out)
}

func (d *device) talk() {
	for i := 0; ; i++ {
		d.send(text, []byte(fmt.Sprint("word ", i)))
		time.Sleep(2 * time.Millisecond)
		d.writing.Lock()
		err := d.connection.SetWriteDeadline(time.Now().Add(5 * time.Second))
		d.writing.Unlock()
		if err != nil {
			return
		}
	}
}
