# Turns fresh mount, pid, uts, ipc (and network) namespaces into a test's world, then starts init.ts in it. Run by channel.ts
# through unshare(1) as pid 1 of the world: when it ends, whatever the world runs is killed by the kernel.
#
#   BELAY_WORLD_REPO    the checkout        BELAY_WORLD_NODE  the Node binary
#   BELAY_WORLD_DEBIAN  Debian's unpacked tree, or empty
#   BELAY_WORLD_NET     1: the network namespace is the world's own
set -eu
umask 022

# Its own mount point must hold nothing that is still needed. It is not visible outside.
base=
for folder in /srv /media /mnt /opt; do
  case "$BELAY_WORLD_REPO/ $BELAY_WORLD_NODE $BELAY_WORLD_DEBIAN/" in *"$folder/"*) continue ;; esac
  if [ -d "$folder" ]; then base=$folder; break; fi
done
[ -n "$base" ] || { echo "no folder of /srv, /media, /mnt, /opt is free for a mount" >&2; exit 1; }

mount -t tmpfs -o mode=0755 belay-world "$base"
mkdir "$base/repo" "$base/debian" "$base/layers"
mount --bind "$BELAY_WORLD_REPO" "$base/repo"
touch "$base/node"
mount --bind "$BELAY_WORLD_NODE" "$base/node"
lower=
if [ -n "$BELAY_WORLD_DEBIAN" ]; then
  mount --bind "$BELAY_WORLD_DEBIAN" "$base/debian"
  lower=$base/debian
fi

# overlay FOLDER [OVER]: FOLDER as it is (below OVER), writable, every change in the world's tmpfs.
overlay() {
  layer=$base/layers/$(echo "$1" | tr / _)
  mkdir -p "$layer/upper" "$layer/work"
  chmod --reference="$1" "$layer/upper"
  chown --reference="$1" "$layer/upper"
  over=${2:-}
  [ -z "$over" ] || [ -d "$over" ] || over=
  mount -t overlay belay-world -o "lowerdir=${over:+$over:}$1,upperdir=$layer/upper,workdir=$layer/work" "$1"
}

overlay /usr ${lower:+"$lower/usr"}
overlay /etc ${lower:+"$lower/etc"}
overlay /var/lib
overlay /var/log
overlay /home
overlay /root
[ "$base" = /opt ] || overlay /opt
mount -t tmpfs -o mode=0755 belay-run /run
mkdir -p /run/lock
mount -t tmpfs -o mode=1777 belay-tmp /tmp
mount -t tmpfs -o mode=1777 belay-tmp /var/tmp

# The repository under a path which every user of the world can walk; made readable when the checkout is not.
mkdir -p /opt/belay/repo /opt/belay/bin
if [ -z "$(find "$base/repo" -maxdepth 1 ! -perm -004 ! -type l -print -quit)" ]; then
  mount --bind "$base/repo" /opt/belay/repo
else
  mkdir -p "$base/layers/repo/upper" "$base/layers/repo/work"
  mount -t overlay belay-world -o "lowerdir=$base/repo,upperdir=$base/layers/repo/upper,workdir=$base/layers/repo/work,metacopy=on" /opt/belay/repo
  chmod -R a+rX /opt/belay/repo/agent /opt/belay/repo/core /opt/belay/repo/proto /opt/belay/repo/policy-server /opt/belay/repo/node_modules /opt/belay/repo/package.json
  chmod a+rx /opt/belay/repo
  [ ! -d /opt/belay/repo/dist ] || chmod -R a+rX /opt/belay/repo/dist
fi
touch /opt/belay/bin/node
case "$(stat -c %A "$base/node")" in
  *x) mount --bind "$base/node" /opt/belay/bin/node ;;
  *) cp "$base/node" /opt/belay/bin/node; chmod 0755 /opt/belay/bin/node ;;
esac

# A /dev of its own, so that /dev/log is too.
mkdir "$base/dev"
mount -t tmpfs -o mode=0755,nosuid belay-dev "$base/dev"
for device in null zero full random urandom tty; do
  touch "$base/dev/$device"
  mount --bind "/dev/$device" "$base/dev/$device"
done
mkdir "$base/dev/pts" "$base/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 belay-pts "$base/dev/pts" 2>/dev/null || mount --bind /dev/pts "$base/dev/pts"
ln -s pts/ptmx "$base/dev/ptmx"
ln -s /proc/self/fd "$base/dev/fd"
ln -s fd/0 "$base/dev/stdin"
ln -s fd/1 "$base/dev/stdout"
ln -s fd/2 "$base/dev/stderr"
mount -t tmpfs -o mode=1777 belay-shm "$base/dev/shm"
mount --rbind "$base/dev" /dev

echo belay-world >/proc/sys/kernel/hostname
printf '127.0.0.1 localhost belay-world\n::1 localhost\n' >/etc/hosts
printf 'passwd: files\ngroup: files\nshadow: files\nhosts: files\n' >/etc/nsswitch.conf

chmod 0711 "$base"

# Not exec: pid 1 must reap what its children leave behind, and a shell does.
exec 3<&0
cd /
/opt/belay/bin/node --disable-warning=ExperimentalWarning /opt/belay/repo/tests/support/world/init.ts <&3 3<&- &
exec 3<&- </dev/null >/dev/null
wait $!
