//! Peers and daemons that send what they should not: nothing of it ends the program.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use bytes::BytesMut;
use spread::wire::Limits;
use spread::wire::handshake::{Answer, ServerHandshake, ServerStep};
use spread::{
    Cause, Delivery, GroupId, Membership, Message, Name, PrivateGroup, Refused, Reject, Request,
    Service,
};

use crate::support::{Dir, Program, Publisher, TestHub, name};

/// Both ended the original (config.c: config_get_lf without a check for NULL).
#[test]
fn messages_to_its_private_group_or_first_to_a_strange_one_do_no_harm() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let args = ["--spread", &hub.address(), "--group", "g", "--file", "log"];
    let mut program = Program::start(dir.path(), &args);
    let line = program.wait_for("joined g");
    let own = line.split_whitespace().find(|word| word.starts_with('#'));
    let own = own.unwrap().trim_end_matches(',');
    let mut publisher = Publisher::connect(&hub);

    publisher.queue(&[own], "to you alone\n");
    // As its own echoes look, which make it stop; but they come from another.
    for mess_type in [1, 2] {
        publisher.queue_typed(&[own], mess_type, "");
    }
    publisher.queue(&["zzz-other", "g"], "1\n");
    publisher.queue(&[own, "g"], "2\n");
    publisher.queue(&["zzz-other"], "never\n");
    publisher.queue(&["g", "+17"], "3\n");
    publisher.sync();
    program.stop();

    assert_eq!(dir.read("log"), "1\n2\n3\n");
}

/// A daemon that sends everything there is, asked for or not.
#[test]
fn every_kind_of_delivery_is_survived() {
    let (dir, daemon) = (Dir::new(), FakeDaemon::new());
    let args = [
        "--spread",
        &daemon.address(),
        "--group",
        "g",
        "--file",
        "log",
    ];
    let mut program = Program::start(dir.path(), &args);
    let mut session = daemon.accept();
    let (group, own) = (name("g"), Name::from(session.private_group));
    let id = GroupId {
        proc_id: -1,
        time: i32::MAX,
        index: 0,
    };
    let membership = |cause, members: &[Name]| {
        Delivery::Membership(Membership {
            group,
            cause,
            members: members.to_vec(),
            id,
            vs_sets: vec![members.to_vec()],
            own_set: 0,
        })
    };
    for delivery in [
        membership(Cause::Join, &[own]),
        membership(Cause::Network, &[own, group]),
        membership(Cause::Leave, &[]),
        Delivery::Transition { group, id },
        Delivery::SelfLeave { group },
        Delivery::Reject(Reject {
            refused: Refused::Join,
            self_discard: false,
            sender: own,
            groups: vec![group, own],
            mess_type: 0,
            foreign_endian: false,
            body: "refused\n".into(),
        }),
        Delivery::Message(message(Name::EMPTY, &[], "to nobody\n")),
        Delivery::Message(message(own, &[group, group], "twice addressed\n")),
        Delivery::Message(message(name("##"), &[group], "")),
    ] {
        session.deliver(&delivery);
    }

    session.deliver(&Delivery::Message(message(own, &[group], "last\n")));
    session.echo();
    program.wait_for("refuses to let this session join g");
    program.wait_for("joined g");
    program.signal(rustix::process::Signal::TERM);
    session.echo();
    let (status, said) = program.end();

    assert_eq!(status.code(), Some(0), "{said}");
    assert_eq!(dir.read("log"), "twice addressed\nlast\n");
}

/// What is no frame ends the session, and the next one is opened.
#[test]
fn a_daemon_that_breaks_the_protocol_is_left_and_tried_again() {
    let (dir, daemon) = (Dir::new(), FakeDaemon::new());
    let args = [
        "--spread",
        &daemon.address(),
        "--group",
        "g",
        "--file",
        "log",
    ];
    let mut program = Program::start(dir.path(), &args);
    for garbage in [
        &[0xff_u8; 200][..],
        b"HTTP/1.1 400 Bad Request\r\n\r\n                        ",
    ] {
        let mut session = daemon.accept();
        session.stream.write_all(garbage).unwrap();
        program.wait_for("lost the Spread daemon");
    }

    let mut session = daemon.accept();
    session.echo();
    program.wait_for("joined g");
    program.signal(rustix::process::Signal::TERM);
    session.echo();

    assert_eq!(program.end().0.code(), Some(0));
}

fn message(sender: Name, groups: &[Name], body: &'static str) -> Message {
    Message {
        service: Service::Agreed,
        self_discard: false,
        sender,
        groups: groups.to_vec(),
        mess_type: 0,
        foreign_endian: false,
        body: body.into(),
    }
}

/// A daemon that does what the test says.
#[derive(Debug)]
pub(crate) struct FakeDaemon {
    listener: TcpListener,
}

impl FakeDaemon {
    pub(crate) fn new() -> Self {
        Self {
            listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(),
        }
    }

    /// What to give to `--spread`.
    pub(crate) fn address(&self) -> String {
        let port = self.listener.local_addr().unwrap().port();
        format!("{port}@127.0.0.1")
    }

    /// Takes the next connection through its handshake.
    pub(crate) fn accept(&self) -> FakeSession {
        let (stream, _) = self.listener.accept().unwrap();
        let mut session = FakeSession {
            stream,
            buffer: BytesMut::new(),
            private_group: PrivateGroup::new("#nobody#fake").unwrap(),
        };
        let mut handshake = ServerHandshake::new();
        loop {
            let answer = match handshake.advance(&mut session.buffer).unwrap() {
                ServerStep::More => {
                    session.read();
                    continue;
                }
                ServerStep::Hello(hello) => {
                    let own = format!("#{}#fake", hello.name.unwrap());
                    session.private_group = PrivateGroup::new(own).unwrap();
                    handshake.answer(session.private_group)
                }
                ServerStep::Done(bytes) => {
                    session.stream.write_all(&bytes).unwrap();
                    return session;
                }
            };
            let (Answer::Methods(bytes) | Answer::Open(bytes)) = answer;
            session.stream.write_all(&bytes).unwrap();
        }
    }
}

/// The daemon's end of a session.
#[derive(Debug)]
pub(crate) struct FakeSession {
    stream: TcpStream,
    buffer: BytesMut,
    private_group: PrivateGroup,
}

impl FakeSession {
    /// Blocks until the client has read that it has a session, and wants something of it.
    pub(crate) fn wait_until_used(&mut self) {
        self.request();
    }

    fn deliver(&mut self, delivery: &Delivery) {
        let frame = delivery.encode();
        self.stream.write_all(&frame.head).unwrap();
        self.stream.write_all(&frame.body).unwrap();
    }

    /// Reads up to the next message that the client sends to itself, and delivers that.
    fn echo(&mut self) {
        let own = Name::from(self.private_group);
        loop {
            match self.request() {
                Request::Multicast(echo) if echo.groups == [own] => {
                    return self.deliver(&Delivery::Message(echo));
                }
                _ => {}
            }
        }
    }

    fn request(&mut self) -> Request {
        loop {
            let limits = &Limits::REQUEST;
            let request = Request::decode(&mut self.buffer, self.private_group, limits).unwrap();
            if let Some(request) = request {
                return request;
            }
            self.read();
        }
    }

    fn read(&mut self) {
        let mut bytes = [0; 4_096];
        let len = self.stream.read(&mut bytes).unwrap();
        assert_ne!(len, 0, "the client has closed");
        self.buffer.extend_from_slice(&bytes[..len]);
    }
}
