package main

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"ringgate.test/support/device"
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

// padding of messages to it. Those to a device that does not read fill its kernel's buffers, the gate's and the queue.
func (k kind) padding() int {
	if k.reads {
		return 40
	}
	return 4000
}

// peer is one connection, and what its WebSocket layer has read of it.
type peer struct {
	id         string
	what       kind
	connection *device.Connection

	mutex    sync.Mutex
	received map[int]bool // numbers of messages
	faults   []string
}

// dial opens the WebSocket of a device.
func dial(address, id string, what kind, secure bool) (*peer, error) {
	connection, err := device.Open(address, "/ws?deviceId="+id, secure)
	if err != nil {
		return nil, err
	}
	p := &peer{id: id, what: what, connection: connection, received: map[int]bool{}}
	if what.reads {
		go p.read()
	}
	if what.talks {
		go p.talk()
	}
	return p, nil
}

// read takes frames until the connection ends.
func (p *peer) read() {
	for {
		opcode, body, err := p.connection.Receive()
		if err != nil {
			return
		}
		switch opcode {
		case device.Text:
			p.note(body)
		case device.Ping:
			if p.what.pongs {
				_ = p.connection.Send(device.Pong, body)
			}
		case device.Close:
			return
		}
	}
}

// note: a message is its number and padding.
func (p *peer) note(body []byte) {
	number, _, _ := strings.Cut(string(body), " ")
	n, err := strconv.Atoi(number)
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if err != nil || p.received[n] {
		p.faults = append(p.faults, fmt.Sprintf("%.40q came twice, or is no message", body))
		return
	}
	p.received[n] = true
}

func (p *peer) has(n int) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.received[n]
}

func (p *peer) count() int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return len(p.received)
}

func (p *peer) talk() {
	for i := 0; p.connection.Send(device.Text, []byte(fmt.Sprint("word ", i))) == nil; i++ {
		time.Sleep(2 * time.Millisecond)
	}
}
