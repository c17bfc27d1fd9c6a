"""``python -m srl_pipeline.cli``"""

from srl_pipeline.cli.app import main

if __name__ == "__main__":
    main()
