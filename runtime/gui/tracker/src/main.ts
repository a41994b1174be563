window.tracardi = 1
