-- One database a service; the user of the server owns them all in this single-machine set-up.
CREATE DATABASE intake;
CREATE DATABASE scoring;
CREATE DATABASE inspection;
CREATE DATABASE notification;
