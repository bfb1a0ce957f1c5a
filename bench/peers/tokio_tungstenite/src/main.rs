// Echo server on tokio-tungstenite.
//
// Settings, and why: tokio's current_thread runtime without timers (one core); every message that is already there is answered
// into the write buffer, which is flushed when none is left, so the replies to one packet leave by one write; a read buffer of
// 16 KiB, because the default of 128 KiB is allocated per connection and cold by the time it is used again; the write buffer at
// its default. mimalloc, because it allocates per message. UTF-8 is always validated. Message limits far above what is sent.
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::{protocol::WebSocketConfig, Error};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MESSAGE_BYTES_MAX: usize = 64 << 20;

async fn echo(stream: TcpStream) -> Result<(), Error> {
    let config = WebSocketConfig::default()
        .read_buffer_size(16 << 10)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let mut socket = tokio_tungstenite::accept_async_with_config(stream, Some(config)).await?;
    while let Some(mut message) = socket.next().await {
        loop {
            let echoed = message?;
            if echoed.is_text() || echoed.is_binary() {
                socket.feed(echoed).await?;
            }
            match socket.next().now_or_never() {
                Some(Some(more)) => message = more,
                Some(None) => return Ok(()),
                None => break,
            }
        }
        socket.flush().await?;
    }
    Ok(())
}

fn raise_descriptor_limit() {
    // SAFETY: both calls only use the struct for their own duration.
    unsafe {
        let mut limit = std::mem::zeroed::<libc::rlimit>();
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
    }
}

fn main() -> std::io::Result<()> {
    raise_descriptor_limit();
    let port: u16 = std::env::args().nth(1).and_then(|text| text.parse().ok()).expect("usage: server PORT");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async move {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(([127, 0, 0, 1], port).into())?;
        let listener = socket.listen(4096)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let _ = echo(stream).await;
            });
        }
    })
}
