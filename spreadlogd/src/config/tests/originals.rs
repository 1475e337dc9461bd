//! Configurations as they were written from 2000 to 2008, unchanged, and what they mean.

use super::*;

/// The files of `tests/data/configs`, and their Logs.
const FILES: &[(&str, &[u8], &str)] = &[
    (
        "sample.conf",
        include_bytes!("../../../tests/data/configs/sample.conf"),
        r"4913@gollum.int.example.net omniti omniti.log match:\.gif time:CommonLogFormat modules:online,counter perl:mylogger::log hup:mylogger::hup python:mylogger.log",
    ),
    (
        "first-2000.conf",
        include_bytes!("../../../tests/data/configs/first-2000.conf"),
        "4803 apache /usr/local/apache/logs/access_log",
    ),
    (
        "farm-2001.conf",
        include_bytes!("../../../tests/data/configs/farm-2001.conf"),
        "4913@spread1.east.example.com www-east /logs/east/access_log
4913@spread1.east.example.com images-east /logs/east/images_log
4913@spread1.east.example.com error-east /logs/east/error_log
4913@spread1.west.example.com www-west /logs/west/access_log
4803 local /logs/local_log",
    ),
    (
        "vhosts.conf",
        include_bytes!("../../../tests/data/configs/vhosts.conf"),
        r"3333@localhost vhosts /dev/null vhosts:/var/log/www/vhosts
3333@localhost customers /var/log/www/customers.rest match:\.(com|net|org)  vhosts:/export/home/log files/customers time:CommonLogFormat",
    ),
    (
        "matches.conf",
        include_bytes!("../../../tests/data/configs/matches.conf"),
        r#"4803@10.0.0.1 www /var/log/www/pages match:GET /[^ ]*\.html? or GET /[^ ]*/ HTTP or GET /cgi-bin/ or POST  or "(GET|HEAD) / HTTP/1\.[01]" or  (4|5)[0-9][0-9]  or \.asp or \.php[34]? or ^192\.168\. or [[:space:]]404[[:space:]] or Googlebot
4803@10.0.0.1 images /var/log/www/images match:\.(gif|jpe?g|png|ico)[? ]"#,
    ),
    (
        "piped.conf",
        include_bytes!("../../../tests/data/configs/piped.conf"),
        r#"4913@loghost1 access |/usr/local/apache/bin/rotatelogs /var/log/www/access_log 86400
4913@loghost1 error |/usr/bin/tee -a /var/log/www/error_log | mail -s "www errors" root
4913@loghost1 stats |/usr/local/bin/stats"#,
    ),
    (
        "perl-dbi.conf",
        include_bytes!("../../../tests/data/configs/perl-dbi.conf"),
        "4803 hits /var/log/hits perl:Site::Log::DBI::insert hup:Site::Log::DBI::reconnect
4803 searches nowhere perl:log_search",
    ),
    (
        "python.conf",
        include_bytes!("../../../tests/data/configs/python.conf"),
        "4803 access /var/log/access python:mylogger.log",
    ),
    (
        "online.conf",
        include_bytes!("../../../tests/data/configs/online.conf"),
        "4913@localhost www nowhere modules:online",
    ),
    (
        "over-lines.conf",
        include_bytes!("../../../tests/data/configs/over-lines.conf"),
        "4803 www |exec /usr/bin/perl -ne \"
        print if / 500 /;
      \" >> /var/log/500s time:[%d/%b/%Y:%H:%M:%S -0500] modules:online",
    ),
    (
        "comments.conf",
        include_bytes!("../../../tests/data/configs/comments.conf"),
        "4913@h1 www /logs/a
4913@h1 www2 /logs/# is a name",
    ),
    (
        "timestamps.conf",
        include_bytes!("../../../tests/data/configs/timestamps.conf"),
        "4803 a /logs/a time:CommonLogFormat
4803 b /logs/b time:[%a %b %d %H:%M:%S %Y]
4803 c /logs/c time:%s",
    ),
    (
        "fan-out.conf",
        include_bytes!("../../../tests/data/configs/fan-out.conf"),
        r#"4803 www /logs/all
4803 www /logs/errors match:" 5[0-9][0-9] 
4803 ftp /logs/all"#,
    ),
    (
        "latin1.conf",
        include_bytes!("../../../tests/data/configs/latin1.conf"),
        "4803 b-rse /protokolle/b\u{fffd}rse.log vhosts:/protokolle/h\u{fffd}fe",
    ),
    (
        "quoted-keywords.conf",
        include_bytes!("../../../tests/data/configs/quoted-keywords.conf"),
        "4803 Log File
4803 Spread Port
4803 $group.1 logs/now=1",
    ),
];

#[test]
fn originals_are_read_unchanged() {
    for (name, text, expected) in FILES {
        let config = Config::parse(text, name).unwrap_or_else(|errors| panic!("{errors}"));

        assert_eq!(&outline(&config), expected, "{name}");
        assert_read_back(&config);
        assert_eq!(config.warnings().render(false), "", "{name}");
    }
}

/// A file that is not in the table is not tested.
#[test]
fn the_table_has_every_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/configs");
    let files = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    names.sort();
    let mut known: Vec<_> = FILES.iter().map(|(name, ..)| *name).collect();
    known.sort_unstable();

    assert_eq!(names, known);
}

#[test]
fn modules_and_interpreters_are_read() {
    let of = |wanted: &str| {
        let file = FILES.iter().find(|(name, ..)| *name == wanted);
        let (name, text, _) = file.unwrap();
        Config::parse(text, name).unwrap()
    };
    let modules = |config: &Config| {
        let modules = config.modules().iter();
        let texts = modules.map(|module| {
            let argument = module.argument().unwrap_or("none");
            format!("{}({argument})", module.name())
        });
        texts.collect::<Vec<_>>().join(" ")
    };

    let sample = of("sample.conf");
    assert_eq!(modules(&sample), "online(10.77.52.1:8989) counter(none)");
    let dir = sample.module_dir().unwrap();
    assert_eq!(dir, Path::new("/usr/local/libexec/spreadlogd"));
    assert_eq!(modules(&of("online.conf")), "online(none)");
    assert_eq!(modules(&of("over-lines.conf")), "online(10.0.0.1:8989)");
    let perl = of("perl-dbi.conf");
    let libs: Vec<&Path> = perl.perl().libs().collect();
    assert_eq!(
        libs,
        ["/usr/local/lib/spreadlogd/perl", "/home/theo/my perl"].map(Path::new)
    );
    assert_eq!(perl.perl().uses(), ["Site::Log::DBI", "mylogger", "POSIX"]);
    assert_eq!(
        of("python.conf").python().imports(),
        ["mylogger", "site_log.mysql"]
    );
}
