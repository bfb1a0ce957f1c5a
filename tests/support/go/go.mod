module ringgate.test/support

go 1.19
