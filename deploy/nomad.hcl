# One district on Nomad: `nomad job run deploy/nomad.hcl`. docs/cluster.md says what Nomad guarantees.

job "rostersync" {
  type = "batch"

  periodic {
    crons            = ["15 2 * * *"]
    time_zone        = "America/Chicago"
    prohibit_overlap = true
  }

  group "rostersync" {
    # Nomad does not know exit statuses: each that is not 0 is a failure. One more try, later, is for
    # a source that did not answer. A run that was blocked is blocked once more.
    restart {
      attempts = 1
      interval = "4h"
      delay    = "30m"
      mode     = "fail"
    }

    # The node is gone: another one that can have the volume goes on.
    reschedule {
      attempts  = 1
      interval  = "24h"
      unlimited = false
    }

    volume "store" {
      type            = "csi"
      source          = "rostersync-store"
      access_mode     = "single-node-writer"
      attachment_mode = "file-system"
    }

    # What was sent: it has no snapshots (`sent_log`).
    volume "sent" {
      type            = "csi"
      source          = "rostersync-sent"
      access_mode     = "single-node-writer"
      attachment_mode = "file-system"
    }

    task "rostersync" {
      driver       = "docker"
      user         = "65532:65532"
      kill_timeout = "5m"

      config {
        image           = "registry.lincoln.example/rostersync:0.1.0"
        args            = ["--config", "/local/rostersync.toml", "--log-format", "json", "run"]
        readonly_rootfs = true
        cap_drop        = ["all"]
        security_opt    = ["no-new-privileges"]
      }

      volume_mount {
        volume      = "store"
        destination = "/var/lib/rostersync"
      }

      volume_mount {
        volume      = "sent"
        destination = "/var/lib/rostersync-sent"
      }

      # The configuration, and the secrets as files that only the task's user can read.
      template {
        destination = "local/rostersync.toml"
        data        = "{{ with nomadVar \"nomad/jobs/rostersync\" }}{{ .config }}{{ end }}"
      }

      template {
        destination = "secrets/mail-password"
        data        = "{{ with nomadVar \"nomad/jobs/rostersync\" }}{{ .mail_password }}{{ end }}"
        perms       = "0400"
        uid         = 65532
        gid         = 65532
      }

      env {
        TMPDIR = "/alloc/tmp"
      }

      resources {
        cpu    = 500
        memory = 512
      }
    }
  }
}
