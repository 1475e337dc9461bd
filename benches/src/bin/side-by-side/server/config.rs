//! The configurations of the other servers, as texts.
//!
//! One worker each, Debian's settings, and what helps it here.

use std::path::Path;

use rustix::process::{Resource, getrlimit};

use super::Conditions;
use crate::log::Destination;
use crate::site::{MANY, SIDE};

/// It keeps all files open that are asked for, or as many as it may.
pub(super) fn nginx(port: u16, root: &Path, log: &Destination, conditions: Conditions) -> String {
    let root = root.display();
    let kept = if conditions.is_many {
        kept_of_many()
    } else {
        1000
    };
    let log = match log {
        Destination::File {
            path,
            is_buffered: false,
        } => format!("{} combined", path.display()),
        Destination::File { path, .. } => {
            format!("{} combined buffer=64k flush=1s", path.display())
        }
        Destination::Syslog { port } => {
            format!("syslog:server=127.0.0.1:{port},nohostname combined")
        }
        Destination::Nowhere | Destination::Pipe { .. } | Destination::Spread { .. } => {
            "off".to_owned()
        }
    };
    format!(
        "daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr;
events {{
    worker_connections 4096;
}}
http {{
    types {{ text/plain txt; }}
    default_type application/octet-stream;
    types_hash_max_size 2048;
    sendfile on;
    tcp_nopush on;
    access_log {log};
    open_file_cache max={kept} inactive=60s;
    open_file_cache_valid 60s;
    keepalive_timeout 65;
    keepalive_requests 1000000000;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port};
        root {root};
        autoindex on;
        location = /{SIDE} {{ gzip_static on; }}
    }}
}}
"
    )
}

/// Beside kept files: connections, logs.
const DESCRIPTORS_SPARE: u64 = 1024;

/// All of the many, or as many as it may have open: what it raises its limit to, the system need not grant.
fn kept_of_many() -> u64 {
    let mine = getrlimit(Resource::Nofile).maximum;
    let kept = mine.map(|mine| mine.saturating_sub(DESCRIPTORS_SPARE));
    kept.map_or(MANY.into(), |kept| kept.min(MANY.into()))
}

/// One process, whose threads are never all at work: the event module closes connections that are to last when
/// they are.
pub(super) fn apache(
    port: u16,
    root: &Path,
    directory: &Path,
    log: &Destination,
    conditions: Conditions,
) -> String {
    let threads = conditions.connections + THREADS_SPARE;
    let root = root.display();
    let directory = directory.display();
    let log = match log {
        Destination::File { path, is_buffered } => {
            let buffered = if *is_buffered { "On" } else { "Off" };
            let path = path.display();
            format!("BufferedLogs {buffered}\nCustomLog \"{path}\" combined")
        }
        Destination::Pipe { command } => format!("CustomLog \"|{command}\" combined"),
        Destination::Nowhere | Destination::Syslog { .. } | Destination::Spread { .. } => {
            "# no CustomLog".to_owned()
        }
    };
    format!(
        "ServerRoot {directory}
DefaultRuntimeDir {directory}
PidFile {directory}/apache.pid
ErrorLog {directory}/error_log
Listen 127.0.0.1:{port}
ServerName localhost
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule mime_module /usr/lib/apache2/modules/mod_mime.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
LoadModule autoindex_module /usr/lib/apache2/modules/mod_autoindex.so
User www-data
Group www-data
StartServers 1
ServerLimit 1
ThreadLimit {threads}
ThreadsPerChild {threads}
MaxRequestWorkers {threads}
MinSpareThreads 1
MaxSpareThreads {threads}
ListenBackLog 4096
Timeout 65
KeepAlive On
KeepAliveTimeout 65
MaxKeepAliveRequests 0
EnableMMAP On
EnableSendfile On
TypesConfig /dev/null
AddType text/plain .txt
DocumentRoot {root}
<Directory {root}>
    Options FollowSymLinks Indexes
    AllowOverride None
    Require all granted
</Directory>
LogFormat \"%h %l %u %t \\\"%r\\\" %>s %O \\\"%{{Referer}}i\\\" \\\"%{{User-Agent}}i\\\"\" combined
{log}
"
    )
}

/// Beside one for each connection.
const THREADS_SPARE: usize = 64;

pub(super) fn lighttpd(port: u16, root: &Path, directory: &Path) -> String {
    let root = root.display();
    let directory = directory.display();
    format!(
        "server.document-root = \"{root}\"
server.bind = \"127.0.0.1\"
server.port = {port}
server.errorlog = \"{directory}/error_log\"
server.max-connections = 4096
server.max-fds = 8192
server.listen-backlog = 4096
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 65
dir-listing.activate = \"enable\"
mimetype.assign = ( \".txt\" => \"text/plain\", \"\" => \"application/octet-stream\" )
"
    )
}
