# Calls the functions that PerlLog and PerlHup name; started by spreadlogd with `perl -e`.
#
# Frames on standard input (docs/modules.md) are read exactly one at a time: what has not been
# read is given to the next interpreter when a function dies. What it dies of goes to standard
# error, and from there to the log of spreadlogd.

package Spreadlogd::Host;

use strict;
use warnings;

my @hups = @ARGV;
@ARGV = ();

# Functions may read standard input: it is empty.
open(my $frames, '<&', \*STDIN) or die "cannot keep standard input: $!\n";
open(STDIN, '<', '/dev/null') or die "cannot open /dev/null: $!\n";

sub take {
    my ($len) = @_;
    my $bytes = '';
    while (length($bytes) < $len) {
        my $got = sysread($frames, $bytes, $len - length($bytes), length($bytes));
        next if !defined $got && $!{EINTR};
        die "cannot read from spreadlogd: $!\n" unless defined $got;
        return undef if $got == 0;
    }
    return $bytes;
}

# Names without a package are those of main, where PerlUse imports to.
sub call {
    my ($name, @arguments) = @_;
    no strict 'refs';
    &{$name =~ /::|'/ ? $name : "main::$name"}(@arguments);
    return;
}

while (defined(my $len = take(4))) {
    my $frame = take(unpack('N', $len));
    last unless defined $frame;
    my ($kind, $rest) = unpack('C a*', $frame);
    if ($kind == 1) {
        my $version = unpack('n', $rest);
        die "spreadlogd speaks version $version, this is for 1\n" unless $version == 1;
        call($_) for my @now = @hups;
    }
    elsif ($kind == 3) {
        call($_) for my @now = @hups;
    }
    elsif ($kind == 4) {
        last;
    }
    elsif ($kind == 5) {
        my ($function, @arguments) = unpack('n/a n/a n/a a*', $rest);
        call($function, @arguments);
    }
}
