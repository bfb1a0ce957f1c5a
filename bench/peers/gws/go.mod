module ringgate.test/peers/gws

go 1.19

require github.com/lxzan/gws v1.8.9
