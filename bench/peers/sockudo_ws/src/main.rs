// Echo server on sockudo-ws, with its own parser for the opening handshake, as its simplest example does.
//
// Settings, and why: tokio's current_thread runtime (one core); no compression; no idle timeout and no pings, so its timers have
// nothing to do; echoes are fed and leave together, since the library flushes before it waits for more input; limits far above
// what is sent. UTF-8 is validated with SIMD, its default. mimalloc, because it allocates per message.
use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use sockudo_ws::handshake::{build_response, generate_accept_key, parse_request};
use sockudo_ws::protocol::Message;
use sockudo_ws::{Config, Error, WebSocketStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MESSAGE_BYTES_MAX: usize = 64 << 20;
const HEAD_BYTES: usize = 1024;

async fn upgrade(stream: &mut TcpStream) -> Result<(), Error> {
    let mut head = BytesMut::with_capacity(HEAD_BYTES);
    loop {
        if stream.read_buf(&mut head).await? == 0 {
            return Err(Error::ConnectionClosed);
        }
        if let Some((request, _)) = parse_request(&head)? {
            let response = build_response(&generate_accept_key(request.key), None, None);
            return Ok(stream.write_all(&response).await?);
        }
    }
}

async fn serve(mut stream: TcpStream) -> Result<(), Error> {
    upgrade(&mut stream).await?;
    let config = Config {
        max_message_size: MESSAGE_BYTES_MAX,
        max_frame_size: MESSAGE_BYTES_MAX,
        idle_timeout: 0,
        auto_ping: false,
        ..Config::default()
    };
    let mut socket = WebSocketStream::server(stream, config);
    while let Some(message) = socket.next().await {
        match message? {
            message @ (Message::Text(_) | Message::Binary(_)) => socket.feed(message).await?,
            Message::Close(_) => break,
            _ => {}
        }
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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async move {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(([127, 0, 0, 1], port).into())?;
        let listener = socket.listen(4096)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let _ = serve(stream).await;
            });
        }
    })
}
