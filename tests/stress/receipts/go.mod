module ringgate.test/receipts

go 1.19
