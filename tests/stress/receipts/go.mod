module ringgate.test/receipts

go 1.19

require ringgate.test/support v0.0.0

replace ringgate.test/support => ../../support/go
