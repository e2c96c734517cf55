import { always, command, delegate, exact, fewer, form, here, key, load, operand, option, privilege, program, type ProgramEntry, read, shell, subcommands, write, wraps, early } from '../entry.ts';

const asRoot = 'A container may mount the whole system and be all of root.';

/** What the client asks, a daemon or another machine does. */
const engineSafe = [
  form('ps', 'It only lists.'),
  form('restart NAME', 'It restarts one container.'),
  form('logs NAME', 'It only shows what one container has said.'),
];

export const containers: readonly ProgramEntry[] = [
  program('docker podman nerdctl', [
    delegate(always, asRoot, { sub: 'run | create | container run | container create | compose | stack | service | service create | service update | swarm | pod | play | kube | kube play | systemd | generate | container update | update | plugin | plugin install | machine | quadlet | app | sandbox | desktop | context | buildx | builder' }),
    delegate(always, 'It runs a program in a container, as root there.', { sub: 'exec | container exec | attach | container attach | debug | container runlabel' }),
    command(always, 'Its steps run as root in a container.', { sub: 'build | image build | buildx build | builder build' }),
    read(always, 'It copies any file of the system into a container.', { sub: 'cp | container cp | load | image load | import | image import | volume | volume create' }),
    write(always, 'It writes to any file of the system.', { sub: 'cp | container cp | save | image save | export | container export | unshare | mount | image mount' }),
    delegate(option('-H= --host= -c= --context= --config= --url= --root= --runroot= --runtime= --hooks-dir= --conmon= --storage-opt= --tlscacert= --connection= --identity= --module= -a= --address= --cni-path=', 'any'), 'Another daemon, runtime or set of settings is used.'),
    command(always, 'A plug-in of that name may run.', { except: 'run create start stop restart kill rm ps logs exec attach inspect images pull push tag rmi build cp load save import export info version top stats port rename pause unpause wait diff commit login logout search events history update container image network volume system compose stack service swarm plugin context node secret config trust manifest builder buildx pod play kube generate machine' }),
  ], { syntax: exact('-l= --log-level=', { subs: 'split', permute: false }), safe: engineSafe }),
  program('docker-compose podman-compose', [delegate(always, 'The file of the working directory says what runs, as root.'), load(here('compose.yaml'), 'The file of the working directory says what runs, as root.', { unless: '-f=<path> --file=<path>' })]),
  program('buildah kaniko img buildctl', [command(always, 'Its steps run as root, and it mounts any folder.')]),
  program('skopeo crane oras umoci regctl', [read(always, 'It copies any file away.'), write(always, 'It writes to any folder.')]),
  program('ctr crictl', [delegate(always, asRoot, { except: 'version info ps images logs stats' }), delegate(option('-a= --address= -r= --runtime-endpoint= -c= --config= -i= --image-endpoint=', 'any'), 'Another daemon is used.')], { syntax: subcommands(), safe: [form('images', 'It only lists.')] }),
  program('runc crun youki runsc lxc-start lxc-create lxc-execute', [delegate(always, asRoot)]),
  program('containerd dockerd crio buildkitd containerd-shim', [delegate(always, 'It starts a daemon that does anything asked of it.')]),
  program('lxc incus lxd', [
    delegate(always, asRoot, { except: 'list ls version info start stop restart monitor' }),
    delegate(option('--project= --force-local --config=', 'any'), 'Another daemon is used.'),
  ], { syntax: subcommands(), safe: [form('list', 'It only lists.'), form('restart NAME', 'It restarts one container.')] }),
  program('lxc-attach lxc-console lxc-unshare lxc-usernsexec lxc-copy lxc-snapshot lxc-checkpoint', [delegate(always, 'It runs a program in a container, as root there.')]),
  program('singularity apptainer charliecloud ch-run udocker enroot', [command(always, 'It runs a program in a container.'), privilege(always, 'It mounts any folder.')]),
  program('toolbox distrobox distrobox-enter schroot dchroot', [shell(always, 'It is a shell in another root.'), privilege(always, 'It mounts any folder.')]),
  program('bwrap firejail nsjail minijail0 firecracker', [command(wraps(), 'It runs the program it is given.'), privilege(always, 'It mounts any folder anywhere.')], { syntax: early() }),
  program('systemd-nspawn', [delegate(always, asRoot)]),
  program('machinectl', [
    shell(always, 'It is a shell in a machine or on the host.', { sub: 'shell | login' }),
    delegate(always, 'It starts machines, or moves files and mounts into them.', { sub: 'start | bind | copy-to | copy-from | import-tar | import-raw | import-fs | pull-tar | pull-raw | clone | export-tar | export-raw | edit | enable | set-limit' }),
    shell(option('-H= --host= -M= --machine=', 'text'), 'The option goes through ssh or a container.'),
    shell(key('!'), 'Its lists open in a pager.', { unless: '--no-pager', sub: 'list | list-images | status | show | image-status | show-image | cat' }),
    shell(fewer(1), 'Its lists open in a pager.', { unless: '--no-pager' }),
  ], { syntax: exact('-p= -s= -n= -o= --property= --signal= --output= --lines=', { abbreviate: true, subs: 'mixed' }), safe: [form('--no-pager list', 'It only lists.')] }),
  program('kubectl oc k9s', [
    delegate(always, 'What it asks for runs in the cluster, with whatever mounts.', { except: 'version get describe top api-resources cluster-info logs' }),
    command(option('--kubeconfig= --raw= -f= --filename= --user= --context= --cluster= -s= --server= --as= --template= -o=', 'any'), 'The file may name programs to run, and it is read.'),
  ], { syntax: subcommands('-n= --namespace= -l= --selector= -c= --container='), safe: [form('get pods', 'It only lists.'), form('-n NAME get pods', 'It only lists.')] }),
  program('helm helmfile kustomize flux argocd skaffold kind k3d minikube k3s k0s microk8s kubeadm kubelet eksctl kops rke2', [delegate(always, 'What it asks for runs in a cluster; plug-ins and settings name programs.')]),
  program('nomad consul vault etcdctl boundary', [delegate(always, 'Jobs, checks and plug-ins run programs.')]),
  program('virsh', [
    shell(fewer(1), 'It takes commands from its user, cd and edit among them.'),
    delegate(always, 'A machine may use any disk or file of the system, and hooks.', { except: 'list dominfo domstate start shutdown reboot version nodeinfo vcpuinfo dommemstat' }),
    delegate(option('-c= --connect= -l= --log=', 'any'), 'Another daemon is used.'),
  ], { syntax: exact('', { subs: 'mixed' }), safe: [form('list --all', 'It only lists.'), form('reboot NAME', 'It restarts one machine.')] }),
  program('virt-install virt-manager virt-xml virt-clone virt-customize virt-sysprep virt-builder guestfish guestmount virt-edit virt-copy-in virt-copy-out virt-rescue virt-make-fs', [delegate(always, 'A machine may use any disk of the system, or the image is changed at will.'), write(always, 'It writes to any disk or image.')]),
  program('qemu-system-x86_64 qemu-system-aarch64 qemu-system-i386 qemu-system-arm qemu-kvm kvm qemu', [write(always, 'Disks of the machine are any file of the system.'), command(option('-smb= -netdev= -chardev= -monitor=', 'any'), 'Helpers and scripts are programs.')]),
  program('qemu-img', [write(always, 'It writes any file.', { except: 'info check' }), read(operand('file', 1), 'It reads any file.'), load(option('--object= --image-opts', 'any'), 'Objects read files.')], { syntax: subcommands('-f='), safe: [form('info /var/lib/libvirt/images/NAME.qcow2', 'It only describes one image.')] }),
  program('qemu-nbd nbd-client nbd-server nbdkit', [privilege(always, 'It makes any file a disk.'), write(always, 'It writes to any file.')]),
  program('VBoxManage VBoxHeadless VirtualBox vmrun vmware vmplayer prlctl multipass lima limactl colima', [delegate(always, 'A machine may use any disk or folder of the system.')]),
  program('xl xm xe', [delegate(always, 'A machine may use any disk of the system, and settings are code.', { except: 'list info' })], { syntax: subcommands(), safe: [form('list', 'It only lists.')] }),
];
