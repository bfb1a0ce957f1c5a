module ringgate.test/backends

go 1.19

require (
	github.com/gorilla/websocket v1.5.3
	ringgate.test/support v0.0.0
)

replace ringgate.test/support => ../../tests/support/go
