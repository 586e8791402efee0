"""The command `ramify`, run as a module of Python: for where the folder of commands is not on the path."""

from ramify.command_line.program import main

if __name__ == "__main__":
    main()
