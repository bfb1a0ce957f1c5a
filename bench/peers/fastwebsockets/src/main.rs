// Echo server on fastwebsockets, with hyper for the opening handshake, as its own example does.
//
// Settings, and why: tokio's current_thread runtime without timers (one core); tasks unconstrained, as in its example; after
// the upgrade the plain TCP stream is taken out of hyper's type-erased one; FragmentCollector, for echoing whole messages;
// vectored writes stay on above the default threshold of 1 KiB (below it head and payload are copied together); auto_close and
// auto_pong on; UTF-8 is validated with SIMD, its default. mimalloc, because it allocates per message. Message limit far above
// what is sent.
//
// With CERTIFICATE and KEY it speaks TLS by tokio-rustls on aws-lc-rs. One ticket for a handshake, stateless, as the gate does it.
use fastwebsockets::{upgrade, FragmentCollector, OpCode, Role, WebSocket, WebSocketError};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{pem::PemObject, CertificateDer, PrivateKeyDer};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::{server::TlsStream, TlsAcceptor};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MESSAGE_BYTES_MAX: usize = 64 << 20;

async fn echo<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocket<S>) -> Result<(), WebSocketError> {
    socket.set_max_message_size(MESSAGE_BYTES_MAX);
    let mut socket = FragmentCollector::new(socket);
    loop {
        let frame = socket.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
            _ => {}
        }
    }
}

async fn serve(upgraded: upgrade::UpgradeFut) -> Result<(), WebSocketError> {
    let stream = upgraded.await?.into_inner().into_inner();
    match stream.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) if parts.read_buf.is_empty() => {
            echo(WebSocket::after_handshake(parts.io.into_inner(), Role::Server)).await
        }
        Ok(_) => Ok(()), // frames before the reply to the handshake: no client of ours sends them
        Err(stream) => serve_secured(stream).await,
    }
}

async fn serve_secured(stream: hyper::upgrade::Upgraded) -> Result<(), WebSocketError> {
    match stream.downcast::<TokioIo<TlsStream<TcpStream>>>() {
        Ok(parts) if parts.read_buf.is_empty() => {
            echo(WebSocket::after_handshake(parts.io.into_inner(), Role::Server)).await
        }
        Ok(_) => Ok(()),
        Err(stream) => echo(WebSocket::after_handshake(TokioIo::new(stream), Role::Server)).await,
    }
}

async fn answer(mut request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, WebSocketError> {
    let (response, upgraded) = upgrade::upgrade(&mut request)?;
    tokio::spawn(tokio::task::unconstrained(async move {
        let _ = serve(upgraded).await;
    }));
    Ok(response)
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S) {
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
    let _ = connection.with_upgrades().await;
}

fn acceptor(certificate: &str, key: &str) -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(certificate).expect("certificate").collect::<Result<Vec<_>, _>>().expect("certificate");
    let key = PrivateKeyDer::from_pem_file(key).expect("key");
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a key that fits the certificate");
    config.ticketer = aws_lc_rs::Ticketer::new().expect("ticket keys");
    config.send_tls13_tickets = 1;
    TlsAcceptor::from(Arc::new(config))
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
    let words: Vec<String> = std::env::args().collect();
    let port: u16 = words.get(1).and_then(|text| text.parse().ok()).expect("usage: server PORT [CERTIFICATE KEY]");
    let acceptor = (words.len() == 4).then(|| acceptor(&words[2], &words[3]));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async move {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(([127, 0, 0, 1], port).into())?;
        let listener = socket.listen(4096)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                match acceptor {
                    None => converse(stream).await,
                    Some(acceptor) => match acceptor.accept(stream).await {
                        Ok(stream) => converse(stream).await,
                        Err(_) => {}
                    },
                }
            });
        }
    })
}
