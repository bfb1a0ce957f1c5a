package backend

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
)

// Event as a webhook delivers it.
type Event struct {
	ID, Type, Subject string
	Data              []byte // the message; of other types, the event as JSON
}

// Events takes one request of a webhook apart: a CloudEvent in binary mode, or a batch of them.
func Events(r *http.Request) ([]Event, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/cloudevents-batch+json") {
		return []Event{{r.Header.Get("ce-id"), r.Header.Get("ce-type"), r.Header.Get("ce-subject"), body}}, nil
	}
	var batch []struct {
		ID, Type, Subject string
		Data              json.RawMessage
	}
	if err := json.Unmarshal(body, &batch); err != nil {
		return nil, err
	}
	events := make([]Event, len(batch))
	for i, one := range batch {
		events[i] = Event{one.ID, one.Type, one.Subject, one.Data}
		text := ""
		if one.Type == "device.message" && json.Unmarshal(one.Data, &text) == nil {
			events[i].Data = []byte(text)
		}
	}
	return events, nil
}

// Agree answers the question whether a webhook may be sent here (CloudEvents Web Hooks 1.0, section 4).
func Agree(w http.ResponseWriter) {
	w.Header().Set("WebHook-Allowed-Origin", "*")
	w.Header().Set("WebHook-Allowed-Rate", "*")
}

// Receive listens for a webhook that succeeds always; it returns the URL.
func Receive(take func(Event)) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodOptions {
			Agree(w)
			return
		}
		events, err := Events(r)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for _, event := range events {
			take(event)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	go func() { _ = http.Serve(listener, handler) }()
	return "http://" + listener.Addr().String() + "/events", nil
}
