package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// fleet holds the connections of devices that have opened their WebSocket and send nothing yet.
type fleet struct {
	connections []net.Conn
	size        int
}

func deviceName(index int) string { return fmt.Sprintf("dev-%05d", index) }

// openFleet connects devices one after the other in a few lanes, so that the accept queue never overflows.
func openFleet(address string, count, size int) (*fleet, error) {
	all := &fleet{connections: make([]net.Conn, count), size: size}
	var group sync.WaitGroup
	faults := make(chan error, 8)
	const lanes = 8
	for lane := 0; lane < lanes; lane++ {
		group.Add(1)
		go func(lane int) {
			defer group.Done()
			for i := lane; i < count; i += lanes {
				connection, err := openDevice(address, deviceName(i))
				if err != nil {
					faults <- fmt.Errorf("device %d: %w", i, err)
					return
				}
				all.connections[i] = connection
			}
		}(lane)
	}
	group.Wait()
	select {
	case err := <-faults:
		return nil, err
	default:
		return all, nil
	}
}

func openDevice(address, name string) (net.Conn, error) {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	_ = connection.SetDeadline(time.Now().Add(20 * time.Second))
	_, err = fmt.Fprintf(connection, "GET /ws?deviceId=%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", name, address)
	if err != nil {
		return nil, err
	}
	head := bufio.NewReader(connection)
	for first := true; ; first = false {
		line, err := head.ReadString('\n')
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
	return connection, nil
}

// payload of the n-th message of a device, padded to `size` bytes.
func payload(device string, n, size int) []byte {
	text := fmt.Sprintf(`{"from":"%s","n":%d,"pad":"`, device, n)
	if pad := size - len(text) - 2; pad > 0 {
		text += strings.Repeat("x", pad)
	}
	return []byte(text + `"}`)
}

// frame of a text message, masked with a fixed key (RFC 6455 section 5.3).
func frame(body []byte) []byte {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	out := []byte{0x81}
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

// send lets every device send `each` messages, one write a message, at `rate` messages a second over all devices (0: as fast as it
// can). It returns when all are written.
func (f *fleet) send(each, rate int) error {
	var group sync.WaitGroup
	faults := make(chan error, len(f.connections))
	begin := time.Now()
	for i, connection := range f.connections {
		group.Add(1)
		go func(index int, connection net.Conn) {
			defer group.Done()
			name := deviceName(index)
			for n := 0; n < each; n++ {
				if rate > 0 {
					due := begin.Add(time.Duration(n*len(f.connections)+index) * time.Second / time.Duration(rate))
					time.Sleep(time.Until(due))
				}
				if _, err := connection.Write(frame(payload(name, n, f.size))); err != nil {
					faults <- fmt.Errorf("%s: %w", name, err)
					return
				}
			}
		}(i, connection)
	}
	group.Wait()
	select {
	case err := <-faults:
		return err
	default:
		return nil
	}
}

func (f *fleet) close() {
	for _, connection := range f.connections {
		_ = connection.Close()
	}
}
