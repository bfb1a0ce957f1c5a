package main

import (
	"encoding/json"
	"net"
	"net/http"
	"sync"
	"time"

	"ringgate.test/backends/backend"
	"ringgate.test/backends/ledger"
)

// verdict is what a receiver does with a request.
type verdict int

const (
	take   verdict = http.StatusNoContent
	late   verdict = -1 // answers after a second
	silent verdict = -2 // answers never
)

// receiver is the end of a webhook that fails as it is told, until it recovers.
type receiver struct {
	address string
	judge   func() verdict
	to      *ledger.Ledger

	mutex     sync.Mutex
	server    *http.Server // nil: nothing listens
	recovered chan struct{}
	seen      map[string]bool // ids
	repeated  int             // deliveries of an id that had come
	announced int             // events that are missing, by the gate's own events
}

func newReceiver(to *ledger.Ledger, judge func() verdict) (*receiver, error) {
	r := &receiver{address: "127.0.0.1:0", judge: judge, to: to, recovered: make(chan struct{}), seen: map[string]bool{}}
	return r, r.open()
}

// open listens, where it did before if it ever has.
func (r *receiver) open() error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.server != nil {
		return nil
	}
	listener, err := net.Listen("tcp", r.address)
	if err != nil {
		return err
	}
	r.address, r.server = listener.Addr().String(), &http.Server{Handler: r}
	go func(server *http.Server) { _ = server.Serve(listener) }(r.server)
	return nil
}

// kill ends the listener and all connections, in the middle of whatever is said.
func (r *receiver) kill() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.server != nil {
		_ = r.server.Close()
		r.server = nil
	}
}

// recover makes it a good receiver for ever.
func (r *receiver) recover() error {
	close(r.recovered)
	return r.open()
}

func (r *receiver) verdict() verdict {
	select {
	case <-r.recovered:
		return take
	default:
		return r.judge()
	}
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if request.Method == http.MethodOptions {
		backend.Agree(w)
		return
	}
	events, err := backend.Events(request)
	if err != nil {
		return // cut off by the gate or by kill
	}
	told := r.verdict()
	switch told {
	case late:
		select {
		case <-time.After(time.Second):
		case <-request.Context().Done():
			return
		}
		told = take
	case silent:
		select {
		case <-r.recovered:
		case <-request.Context().Done():
		}
		panic(http.ErrAbortHandler) // no answer
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1")
	}
	if told == take {
		r.note(events)
	}
	w.WriteHeader(int(told))
}

func (r *receiver) note(events []backend.Event) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, event := range events {
		if r.seen[event.ID] {
			r.repeated++
			continue
		}
		r.seen[event.ID] = true
		var gap struct{ Missed int }
		switch {
		case event.Type == "device.message":
			r.to.Note(event.Data)
		case event.Type == "gap" && json.Unmarshal(event.Data, &gap) == nil:
			r.announced += gap.Missed
		}
	}
}

func (r *receiver) counts() (repeated, announced int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.repeated, r.announced
}
