//! What a sniffer has recorded, read as it comes: a pcap stream, and which of its packets begin a request or an
//! answer. Pure.
//!
//! A file head of 24 bytes, then for each packet 16 bytes of head and what was captured of it
//! (draft-ietf-opsawg-pcap); integers as the machine has them. A packet here is an Ethernet frame of IPv4 with TCP,
//! as the loopback device has them. Each request and the head of its answer are a packet each.

/// Counts the packets of a stream.
#[derive(Debug, Default)]
pub(crate) struct Capture {
    /// What is not yet a whole head or packet.
    rest: Vec<u8>,
    has_begun: bool,
    /// Packets that begin a request.
    pub(crate) requests: u64,
    /// Packets that begin an answer.
    pub(crate) answers: u64,
}

/// It is no capture of Ethernet frames.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum CaptureError {
    #[error("the sniffer's output begins with {0:#x}, which is no capture of this machine")]
    Magic(u32),
    #[error("link type {0}: only Ethernet frames are read")]
    Link(u32),
    #[error("a packet of {0} bytes")]
    Len(usize),
}

/// Times in microseconds, integers as this machine has them.
const MAGIC: u32 = 0xa1b2_c3d4;
const ETHERNET: u32 = 1;

const FILE_HEAD: usize = 24;
const LINK_AT: usize = 20;
const PACKET_HEAD: usize = 16;
const CAPTURED_AT: usize = 8;

/// 262,144: no sniffer captures more of a packet.
const PACKET_MAX: usize = 262_144;

const ETHERNET_HEAD: usize = 14;

impl Capture {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// When they are no capture.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<(), CaptureError> {
        self.rest.extend_from_slice(bytes);
        let mut at = 0;
        if !self.has_begun {
            if self.rest.len() < FILE_HEAD {
                return Ok(());
            }
            let magic = number(&self.rest, 0);
            if magic != MAGIC {
                return Err(CaptureError::Magic(magic));
            }
            let link = number(&self.rest, LINK_AT);
            if link != ETHERNET {
                return Err(CaptureError::Link(link));
            }
            self.has_begun = true;
            at = FILE_HEAD;
        }
        while let Some(head) = self.rest.get(at..at + PACKET_HEAD) {
            let captured = number(head, CAPTURED_AT);
            let len = usize::try_from(captured).unwrap_or(usize::MAX);
            if len > PACKET_MAX {
                return Err(CaptureError::Len(len));
            }
            let begin = at + PACKET_HEAD;
            let Some(packet) = self.rest.get(begin..begin + len) else {
                break;
            };
            let content = content(packet).unwrap_or_default();
            self.requests += u64::from(content.starts_with(b"GET "));
            self.answers += u64::from(content.starts_with(b"HTTP/1.1 "));
            at = begin + len;
        }
        self.rest.drain(..at);
        Ok(())
    }
}

/// Of a segment of TCP in a frame; none where there is another protocol or less than its heads.
fn content(frame: &[u8]) -> Option<&[u8]> {
    let packet = frame.get(ETHERNET_HEAD..)?;
    let words = |byte: u8| usize::from(byte & 0x0f) * 4;
    // RFC 791 §3.1: the head's length in words of four bytes. RFC 9293 §3.1: likewise, in the upper half.
    let segment = packet.get(words(*packet.first()?)..)?;
    segment.get(words(*segment.get(12)? >> 4)..)
}

fn number(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    u32::from_ne_bytes(four.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_head(magic: u32, link: u32) -> Vec<u8> {
        let mut head = magic.to_ne_bytes().to_vec();
        head.resize(LINK_AT, 0);
        head.extend_from_slice(&link.to_ne_bytes());
        head
    }

    /// With options in the head of TCP, as segments have them.
    fn packet(content: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; ETHERNET_HEAD];
        let mut ip = [0; 20];
        ip[0] = 0x45;
        let mut tcp = [0; 32];
        tcp[12] = 0x80;
        frame.extend_from_slice(&ip);
        frame.extend_from_slice(&tcp);
        frame.extend_from_slice(content);
        let len = u32::try_from(frame.len()).unwrap().to_ne_bytes();
        let head = [[0; 4], [0; 4], len, len].concat();
        [head, frame].concat()
    }

    #[test]
    fn requests_and_answers_are_counted_however_the_stream_is_cut() {
        let stream = [
            file_head(MAGIC, ETHERNET),
            packet(b"GET / HTTP/1.1\r\n"),
            packet(b""),
            packet(b"HTTP/1.1 200 OK\r\n"),
            packet(b"GET /2 HTTP/1.1\r\n"),
            packet(b"the content"),
        ]
        .concat();
        for cut in 1..stream.len() {
            let mut capture = Capture::default();

            for part in stream.chunks(cut) {
                capture.take(part).unwrap();
            }

            assert_eq!((capture.requests, capture.answers), (2, 1), "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_capture_is_refused() {
        let refused = |bytes: &[u8]| Capture::default().take(bytes).unwrap_err();

        assert_eq!(refused(&file_head(7, ETHERNET)), CaptureError::Magic(7));
        assert_eq!(refused(&file_head(MAGIC, 113)), CaptureError::Link(113));
        let long = u32::try_from(PACKET_MAX + 1).unwrap().to_ne_bytes();
        let packet = [[0; 4], [0; 4], long, long].concat();
        let stream = [file_head(MAGIC, ETHERNET), packet].concat();
        assert_eq!(refused(&stream), CaptureError::Len(PACKET_MAX + 1));
    }

    #[test]
    fn a_packet_of_something_else_is_none_of_either() {
        let other = [[0; 4], [0; 4], 3_u32.to_ne_bytes(), [0; 4]].concat();
        let mut capture = Capture::default();

        let stream = [file_head(MAGIC, ETHERNET), other, b"abc".to_vec()].concat();
        capture.take(&stream).unwrap();

        assert_eq!((capture.requests, capture.answers), (0, 0));
    }
}
