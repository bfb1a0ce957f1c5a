package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"ringgate.test/backends/backend"
	"ringgate.test/backends/ledger"
)

// reader follows the event stream, or the backend WebSocket, comes back with the id of its last event whenever it is cut, and counts
// what the gate says is missing. While it is stalled it reads nothing, or gives no credit.
type reader struct {
	admin   string
	socket  bool
	to      *ledger.Ledger
	mutex   sync.Mutex
	stalled chan struct{} // closed: it reads
	last    string
	missed  int
	cuts    int
	stopped bool
}

// Credit of a reader by WebSocket that will stall.
const smallCredit = 64 * 1024

func newReader(admin string, socket, stalls bool, to *ledger.Ledger) *reader {
	r := &reader{admin: admin, socket: socket, to: to, stalled: make(chan struct{})}
	if !stalls {
		close(r.stalled)
	}
	return r
}

// start returns once the first connection stands.
func (r *reader) start() error {
	next, end, err := r.connect()
	if err != nil {
		return err
	}
	go func() {
		for {
			for next() == nil {
			}
			end()
			r.mutex.Lock()
			over := r.stopped
			r.cuts++
			r.mutex.Unlock()
			if over {
				return
			}
			if next, end, err = r.connect(); err != nil {
				return // the gate has ended
			}
		}
	}()
	return nil
}

// connect gives a function that takes one event, and one that ends the connection.
func (r *reader) connect() (next func() error, end func(), err error) {
	if r.socket {
		return r.connectSocket()
	}
	request, err := http.NewRequest("GET", "http://"+r.admin+"/v1/events?type=device.message", nil)
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Accept", "application/x-ndjson")
	if r.last != "" {
		request.Header.Set("Last-Event-ID", r.last)
	}
	response, err := (&http.Client{Transport: &http.Transport{DialContext: smallDialer}}).Do(request)
	if err != nil {
		return nil, nil, err
	}
	if response.StatusCode != 200 {
		return nil, nil, fmt.Errorf("/v1/events answered %s", response.Status)
	}
	lines := bufio.NewReader(response.Body)
	return func() error {
		<-r.stalled
		line, err := lines.ReadBytes('\n')
		if err != nil || len(line) < 2 {
			return err
		}
		var event struct {
			backend.Head
			Text string
		}
		if err := json.Unmarshal(line, &event); err != nil {
			return err
		}
		r.note(event.Head, []byte(event.Text))
		return nil
	}, func() { _ = response.Body.Close() }, nil
}

func (r *reader) connectSocket() (next func() error, end func(), err error) {
	stream, err := backend.OpenStream(r.admin, "?type=device.message", r.last)
	if err != nil {
		return nil, nil, err
	}
	select {
	case <-r.stalled:
		err = stream.Begin()
	default:
		err = stream.Credit(smallCredit)
		go func() {
			<-r.stalled
			_ = stream.Begin()
		}()
	}
	return func() error {
		head, payload, err := stream.Receive()
		if err == nil {
			r.note(head, payload)
		}
		return err
	}, stream.Close, err
}

func (r *reader) note(head backend.Head, payload []byte) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if head.ID != "" {
		r.last = head.ID
	}
	switch head.Type {
	case "device.message":
		r.to.Note(payload)
	case "gap":
		r.missed += head.Missed
	}
}

func (r *reader) counts() (missed, cuts int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.missed, r.cuts
}

func (r *reader) stop() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.stopped = true
}

// smallDialer connects with small buffers in the kernel, so that a reader that reads nothing is noticed.
func smallDialer(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 10 * time.Second, Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 8192) })
	}}
	return dialer.DialContext(ctx, network, address)
}
