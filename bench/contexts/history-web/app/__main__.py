import app

print(app.routes.name())
