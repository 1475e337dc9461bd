//! Heads one by one by the sections of RFC 9112.

use super::{Limits, Request};

#[test]
fn a_small_get_is_read_whole() {
    let head = b"GET /a?b HTTP/1.1\r\nHost: a:80\r\nUser-Agent: x\r\n\r\nrest";
    let request = Request::parse(head, &Limits::default()).unwrap().unwrap();

    assert_eq!(request.target, b"/a?b");
    assert_eq!(request.request_line, b"GET /a?b HTTP/1.1");
    assert_eq!(request.host, Some(&b"a:80"[..]));
    assert_eq!(request.fields.user_agent, Some(&b"x"[..]));
    assert_eq!(request.head_len, head.len() - 4);
}
