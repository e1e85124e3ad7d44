from app import auth, mail, models, routes, views
