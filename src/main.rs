//! The binary: hands over to the library and ends with its exit status.

fn main() -> std::process::ExitCode {
    rostersync::cli::main()
}
